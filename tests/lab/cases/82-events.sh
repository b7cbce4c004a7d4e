#!/bin/bash
# What happens to peers is told to who listens, and who listens badly disturbs nobody. interface.md, sections 1 and 4.
# The folder /run/warren belongs to the user of the daemon that came last: this scenario has a /run of its own.
if [ -z "${LAB_OWN_RUN-}" ]; then
	LAB_OWN_RUN=1 exec unshare --mount bash "$0" "$@"
fi
mount -t tmpfs -o mode=755 tmpfs /run || exit 1
. "$(dirname "$0")/../lab"

lab_host node mate
lab_link node mate
lab_addr node mate 192.0.2.1/24
lab_addr mate node 192.0.2.2/24
lab_keys node mate other
name=$(lab_if node)
control=/run/warren/$name.sock
LAB_OPTIONS=(--user daemon)
cat "$WARREN" >/run/tool && chmod 755 /run/tool # where nobody can reach it

lab_conf node <<END
[Interface]
PrivateKey = $(key_of node)
ListenPort = 51820
Address = 10.66.0.1/24
END
lab_conf mate <<END
[Interface]
PrivateKey = $(key_of mate)
ListenPort = 51820
Address = 10.66.0.2/24

[Peer]
Name = the-node
PublicKey = $(pub_of node)
AllowedIPs = 10.66.0.1/32
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 1
END

# exits STATUS COMMAND...
exits() {
	local want=$1 status
	shift
	timeout 10 "$@" >"$LAB_DIR/exits.log" 2>&1
	status=$?
	cat "$LAB_DIR/exits.log"
	[ $status -eq "$want" ] || echo "exit status $status"
	[ $status -eq "$want" ]
}

# told LOG COUNT TEXT: in so many lines
told() {
	[ "$(lab_log "$1" | grep -cF -- "$3")" -eq "$2" ]
}
comes() {
	wait_for 4 told "$@" || { lab_log "$1" | tail -n 20 && false; }
}

# hears LOG: it listens; until then a peer comes and goes.
hears() {
	wg set "$name" peer "$(pub_of other)" && wg set "$name" peer "$(pub_of other)" remove && lab_log "$1" | grep removed
}

# ended PID STATUS LOG TEXT: by itself
ended() {
	wait_for 3 gone "$1" || return
	wait "$1"
	[ $? -eq "$2" ] && lab_log "$3" | tail -n 1 | grep -F "$4"
}

# valid LOG: each line, by the schema
valid() {
	lab_log "$1" | /usr/bin/python3 -c '
import json, sys
from jsonschema import Draft202012Validator
validator = Draft202012Validator(json.load(open(sys.argv[1])))
lines = sys.stdin.read().splitlines()
for line in lines:
    validator.validate(json.loads(line))
print(len(lines), "lines")
sys.exit(len(lines) < 1000)' "$LAB_TREE/docs/schema/event.schema.json"
}

# Connects until it is refused; says how often it was not, and why it was. Then it stays, and reads nothing more.
crowd='
import socket, sys, time
kept = []
while len(kept) < 20:
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.sendall(b"{\"cmd\":\"events\"}\n")
    answer = client.recv(4096)
    if b"error" in answer:
        break
    kept.append(client)
print(len(kept), answer.decode(), flush=True)
time.sleep(float(sys.argv[2]))'

# --- who may listen ---------------------------------------------------------------------------------------------------

ok "nobody to listen to: 3" exits 3 "$WARREN" events "$name"
ok "nobody at all: 3" exits 3 "$WARREN" events --json
ok "a node without peers" lab_warrend node
node=$LAB_PID
lab_spawn node people "$WARREN" events
people=$LAB_PID
ok "root may listen, without naming the only one" wait_for 3 hears people
lab_spawn node programs setpriv --reuid nobody --regid daemon --clear-groups /run/tool events "$name" --json
programs=$LAB_PID
ok "so may the group" wait_for 3 hears programs
ok "and nobody else: 1" exits 1 setpriv --reuid nobody --regid nogroup --clear-groups /run/tool events "$name"
ok "in a sentence" grep -F 'be root or of its group' "$LAB_DIR/exits.log"
ok "the group may have the metrics, too" exits 0 setpriv --reuid nobody --regid daemon --clear-groups /run/tool metrics
ok "with what the node has" grep -F "warren_peers{interface=\"$name\"} 0" "$LAB_DIR/exits.log"
ok "and nobody else: 1" exits 1 setpriv --reuid nobody --regid nogroup --clear-groups /run/tool metrics "$name"

# --- what is told -----------------------------------------------------------------------------------------------------

before=$(lab_log programs | wc -l)
mate() {
	lab_log programs | tail -n +$((before + 1)) >"$LAB_DIR/mate.log"
	told mate "$@"
}
mate_comes() {
	wait_for 4 mate "$@" || { cat "$LAB_DIR/mate.log" && false; }
}
short=$(pub_of mate | cut -c 1-8)
wg set "$name" peer "$(pub_of mate)" allowed-ips 10.66.0.2/32
ok "a peer is added" mate_comes 1 "\"peer\":\"$short\",\"from\":null,\"to\":\"idle\",\"reason\":\"added\",\"took_us\":null"
ok "the mate comes" lab_warrend mate
mate=$LAB_PID
ok "and is direct" mate_comes 1 "\"peer\":\"$short\",\"from\":\"idle\",\"to\":\"direct\",\"reason\":\"handshake\",\"took_us\":"
if command -v promtool >/dev/null; then
	ok "metrics of both are one page, about which promtool has no complaint" lab_promtool
	ok "it has both" eval '[ "$(grep -c ^warren_info "$LAB_DIR/metrics")" -eq 2 ]'
else
	lab_skip "promtool is not installed"
fi
ok "also for people" comes people 1 'idle -> direct        handshake'
ok "who have 80 columns" eval '[ "$(lab_log people | wc -L)" -le 80 ]'
wg set "$(lab_if mate)" listen-port 51821
ok "it roams" mate_comes 1 '"from":"direct","to":"direct","reason":"roamed","took_us":null'
lab_spawn mate end "$WARREN" events "$(lab_if mate)"
end=$LAB_PID
ok "one listens at the mate" wait_for 3 test -s "$LAB_DIR/end.log"
kill -KILL "$mate"
ok "which is killed: 3, and a sentence" ended "$end" 3 end 'the daemon has ended'
wait "$mate" 2>/dev/null
sed -i 's/^ListenPort = .*/ListenPort = 51821/' "$LAB_DIR/$(lab_if mate).conf"
ok "and comes again, at the same place" lab_warrend mate
ok "as direct as before" pings mate 10.66.0.1 1
wg set "$name" private-key /dev/null
ok "without a private key nobody is direct" mate_comes 1 '"from":"direct","to":"idle","reason":"new-key"'
wg set "$name" private-key "$LAB_DIR/node.key"
pings node 10.66.0.2 1 >/dev/null
ok "with it again" mate_comes 2 '"from":"idle","to":"direct","reason":"handshake"'
wg set "$name" peer "$(pub_of mate)" remove
ok "a peer is removed" mate_comes 1 '"from":"direct","to":null,"reason":"removed"'
ok "nothing else was told" mate 6 '"schema":"warren.event/1"'

# --- bad listeners ----------------------------------------------------------------------------------------------------

lab_spawn node crowd /usr/bin/python3 -c "$crowd" "$control" 60
crowd=$LAB_PID
ok "eight may listen" comes crowd 1 '6 {"schema":"warren.reply/1","error":"as many listen already as may"}'
ok "and no ninth: 1" exits 1 "$WARREN" events "$name"
ok "in a sentence" grep -F 'as many listen already as may' "$LAB_DIR/exits.log"

# flood ROUNDS: 120 peers come and go, in two changes each.
flood() {
	local n key keys=() round
	for n in {100..219}; do keys+=("$n$(printf '7%.0s' {1..60})0"); done
	for ((round = 1; round <= $1; round++)); do
		{ echo set=1 && printf 'public_key=%s\n' "${keys[@]}" && echo; } | socat -t 5 - "UNIX-CONNECT:/run/wireguard/$name.sock" >/dev/null
		{ echo set=1 && printf 'public_key=%s\nremove=true\n' "${keys[@]}" && echo; } |
			socat -t 5 - "UNIX-CONNECT:/run/wireguard/$name.sock" >/dev/null
		comes programs $((base + 120 * round)) '"reason":"removed"' || return
	done
}
base=$(lab_log programs | grep -c '"reason":"removed"')
ok "much happens: who reads is told all of it" flood 16
ok "nothing was lost to him" told programs 0 '"reason":"lost"'
ok "who does not is left behind" comes warrend-node 6 'a listener does not read what it is told'
ok "all of it is JSON by the schema" valid programs
kill "$crowd"
wait "$crowd" 2>/dev/null
ok "their places are free again" eval 'lab_spawn node next "$WARREN" events "$name" && wait_for 3 hears next'
next=$LAB_PID
ok "the daemon is well" exits 0 "$WARREN" status "$name" --check
lab_exec node ip link set "$name" down
ok "with its interface down it is not" wait_for 3 exits 1 "$WARREN" status "$name" --check
ok "and says why" eval '"$WARREN" status "$name" | grep -F "unhealthy: the interface is down"'
lab_exec node ip link set "$name" up
ok "it is up again" wait_for 3 exits 0 "$WARREN" status "$name" --check

# --- ends -------------------------------------------------------------------------------------------------------------

lab_spawn node interrupted env --default-signal=INT "$WARREN" events "$name"
ok "who is there" wait_for 3 test -s "$LAB_DIR/interrupted.log"
kill -INT "$LAB_PID"
ok "ends by Ctrl-C" eval 'wait_for 3 gone $LAB_PID; wait $LAB_PID; [ $? -eq 130 ]'
lab_stop "$node"
ok "the daemon ends: 3, and a sentence" ended "$programs" 3 programs 'the daemon has ended'
ok "for people" ended "$people" 3 people 'the daemon has ended'
ok "for all" ended "$next" 3 next 'the daemon has ended'
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-node warrend-mate
lab_done
