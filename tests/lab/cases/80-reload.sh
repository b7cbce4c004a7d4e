#!/bin/bash
# up, reload, down: a changed file is taken up under load without a lost packet on peers that did not change, a broken one
# changes nothing, hooks run, and what a killed daemon leaves goes with the next down. reliability.md, F09-F11.
. "$(dirname "$0")/../lab"

lab_host node mate other
lab_link node mate
lab_link node other
lab_addr node mate 192.0.2.1/24
lab_addr mate node 192.0.2.2/24
lab_addr node other 198.51.100.1/24
lab_addr other node 198.51.100.2/24
lab_keys node next mate other
name=$(lab_if node)
file=$LAB_DIR/$name.conf
hooks=$LAB_DIR/hooks
lab_forget "/run/warren/$name.up"

# node_conf [KEY-OF [LINE-OF-INTERFACE [LINE-OF-OTHER]...]]: LINE-OF-OTHER "none": without that peer
node_conf() {
	local key=${1:-node} interface=${2-} line
	shift 2
	{
		cat <<-END
			[Interface]
			PrivateKey = $(key_of "$key")
			ListenPort = 51820
			Address = 10.66.0.1/24
			$interface

			[Peer]
			Name = mate
			PublicKey = $(pub_of mate)
			AllowedIPs = 10.66.0.2/32
			Endpoint = 192.0.2.2:51820
		END
		[ "${1-}" = none ] || printf '%s\n' '[Peer]' 'Name = other' "PublicKey = $(pub_of other)" \
			'AllowedIPs = 10.66.0.3/32' 'Endpoint = 198.51.100.2:51820' "$@"
	} | lab_conf node
}

# far_conf HOST ADDRESS KEY-OF-NODE ADDRESS-OF-NODE
far_conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of "$1")
		ListenPort = 51820
		Address = $2/24

		[Peer]
		Name = node
		PublicKey = $(pub_of "$3")
		AllowedIPs = 10.66.0.1/32
		Endpoint = $4:51820
	END
}

reload() {
	"$WARREN" reload "$LAB_DIR/$(lab_if "${1:-node}").conf"
}

# says TEXT COMMAND...: it succeeds, and one of its lines is that
says() {
	local text=$1
	shift
	"$@" >"$LAB_DIR/said" || { cat "$LAB_DIR/said"; return 1; }
	cat "$LAB_DIR/said"
	grep -qxF -- "$text" "$LAB_DIR/said"
}

# refuses STATUS TEXT COMMAND...
refuses() {
	local want=$1 text=$2 rc=0
	shift 2
	"$@" >"$LAB_DIR/said" 2>&1 || rc=$?
	cat "$LAB_DIR/said"
	[ $rc -eq "$want" ] && grep -qF -- "$text" "$LAB_DIR/said"
}

ask() {
	socat -t 5 - "UNIX-CONNECT:/run/warren/$name.sock"
}

daemon_pid() {
	local pid
	for pid in $(ip netns pids "$(lab_ns node)"); do
		[ "$(readlink "/proc/$pid/exe")" != "$(readlink -f "$WARREND")" ] || echo "$pid"
	done | head -n 1
}

nothing_left() {
	! lab_exec node ip link show dev "$name" && [ ! -e "/run/warren/$name.sock" ] &&
		[ ! -e "/var/run/wireguard/$name.sock" ] && [ ! -e "/run/warren/$name.up" ]
}

routes() {
	lab_exec node ip route show dev "$name"
}

# --- up --------------------------------------------------------------------------------------------------------------

far_conf mate 10.66.0.2 node 192.0.2.1
far_conf other 10.66.0.3 node 198.51.100.1
# What is measured below is whether packets wait for a reload, not for other programs that want the processor.
prompt=(chrt -f 1)
"${prompt[@]}" true 2>/dev/null || prompt=()
lab_warrend mate "${prompt[@]}" && lab_warrend other
node_conf node "$(printf 'PreUp = echo pre-up %%i >>%s\nPostUp = echo post-up $(basename /sys/class/net/%%i) >>%s\nPreDown = echo pre-down >>%s; true\nPostDown = echo post-down %%i >>%s' "$hooks" "$hooks" "$hooks" "$hooks")"
ok "down of what is not up: 3" refuses 3 'no warrend runs' "$WARREN" down "$file"
ok "reload of what does not run: 3" refuses 3 'no warrend runs' reload
ok "up" lab_exec node "${prompt[@]}" "$WARREN" up "$file"
ok "its hooks ran, before and after" test "$(cat "$hooks")" = "$(printf 'pre-up %s\npost-up %s' "$name" "$name")"
ok "traffic, to one peer" pings node 10.66.0.2
ok "and to the other" pings node 10.66.0.3
ok "up again is refused" refuses 1 'up already' lab_exec node "$WARREN" up "$file"
pid=$(daemon_pid)

# --- F10: what is refused changes nothing ----------------------------------------------------------------------------

cp "$file" "$LAB_DIR/good"
wg showconf "$name" >"$LAB_DIR/before"
printf 'Ancor = yes\nPersistentKeepalive = x\n' >>"$file"
ok "F10: a broken file: 1, every error with its line" refuses 1 'did you mean `Anchor`' reload
ok "F10: both are said" grep -q PersistentKeepalive "$LAB_DIR/said"
ok "F10: a broken text on the socket: all errors in the answer" eval \
	'echo "{\"cmd\":\"reload\",\"config\":\"[Interface]\nAdress = 1\nMTU = x\n\"}" | ask | grep "\"line\":2.*\"line\":3"'
ok "F10: the port is taken: refused" eval \
	'lab_spawn node taken socat UDP4-LISTEN:51999 - && sleep 0.2 && sed "s/51820$/51999/;t;" "$LAB_DIR/good" >"$file" &&
	sed -i "s/2:51999/2:51820/" "$file" && refuses 1 "nothing was changed" reload'
wg showconf "$name" >"$LAB_DIR/after"
ok "F10: nothing changed" cmp "$LAB_DIR/before" "$LAB_DIR/after"
ok "F10: not even an address or a route" eval '[ "$(routes | wc -l)" -eq 3 ] && pings node 10.66.0.3'
ok "vuln_52: another user may not stop or reload it" eval \
	'for cmd in stop reload; do echo "{\"cmd\":\"$cmd\",\"config\":\"\"}" | setpriv --reuid=65534 --regid="$(stat -c %g "/run/warren/$name.sock")" --clear-groups socat -t 5 - "UNIX-CONNECT:/run/warren/$name.sock" |
	grep "only root" || return; done'
cp "$LAB_DIR/good" "$file"

# --- F09: under load -------------------------------------------------------------------------------------------------

ok "a file that did not change" says "$name: nothing changed" reload
lab_spawn mate iperf3 iperf3 -s -p 5201 -B 10.66.0.2
wait_for 5 lab_exec mate bash -c 'exec 3<>/dev/tcp/10.66.0.2/5201'
lab_spawn node load iperf3 -c 10.66.0.2 -p 5201 -t 30 -b 100M
load=$LAB_PID
lab_spawn node ping ping -n -i 0.005 10.66.0.2
ping=$LAB_PID

hundred_reloads() {
	local i
	for ((i = 0; i < 25; i++)); do
		node_conf node 'MTU = 1380' 'PersistentKeepalive = 7' 'AllowedIPs = 10.77.0.0/16' && reload &&
			node_conf node 'Address = fd66::1/64' "PresharedKey = $(key_of next)" && reload &&
			node_conf node 'FwMark = 7' none && reload &&
			cp "$LAB_DIR/good" "$file" && reload || return
	done
}
began=$(date +%s%N)
ok "F09: reloaded 100 times under load, every kind of change" hundred_reloads
echo "# $((($(date +%s%N) - began) / 1000000)) ms for 100 reloads"
sleep 0.5
kill -INT "$ping"
wait "$ping" 2>/dev/null
# What was on its way when ping ended is no loss: all before the last answer count.
nothing_lost() {
	lab_log ping | sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' | sort -nu |
		awk '{ last = $1 } END { print last " sent, " last - NR " lost"; exit last < 200 || last != NR }'
}
ok "F09: not a packet of a peer that did not change is lost" nothing_lost && echo "# $(cat "$LAB_DIR/.out")"
ok "F09: and the load went on" eval '! gone "$load"'
five_at_once() {
	local i pids=()
	node_conf node 'Address = fd66::1/64'
	for i in 1 2 3 4 5; do
		reload &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || return
	done
	cp "$LAB_DIR/good" "$file" && says 'Address - fd66::1/64' reload
}
ok "F09: five at once: each has its turn" five_at_once
ok "F09: its session is the one it had" test "$(lab_log warrend-mate | grep -c 'removed')" -eq 0
ok "F09: the daemon is the one it was" test "$(daemon_pid)" = "$pid"
ok "F09: the other one is back" pings node 10.66.0.3

node_conf node 'Address = fd66::1/64' 'AllowedIPs = 10.77.0.0/16'
ok "says what changed: an allowed IP" says 'peer other: AllowedIPs + 10.77.0.0/16' reload
ok "and an address" grep -qx 'Address + fd66::1/64' "$LAB_DIR/said"
ok "both are there" eval 'routes | grep "^10.77.0.0/16" && lab_exec node ip -6 address show dev "$name" | grep fd66::1/64'
ok "a change by wg in between" wg set "$name" peer "$(pub_of other)" allowed-ips 10.88.0.0/16
node_conf node '' none
ok "F09: a removed peer" says 'peer other: removed' reload
ok "F09: is cut at once" eval '! lab_exec node ping -n -q -c 1 -W 1 10.66.0.3 && ! wg show "$name" | grep "$(pub_of other)"'
ok "its routes and the address are gone" eval '! routes | grep "10.77\|10.66.0.3" && ! lab_exec node ip -6 address show dev "$name" | grep fd66'
sed -i 's/10.66.0.1\/24/10.66.0.9\/24/' "$file"
ok "the only address replaced by one of its subnet" says 'Address + 10.66.0.9/24' reload
ok "is there, with the routes" eval 'lab_exec node ip -o address show dev "$name" | grep "10.66.0.9/24" && routes | grep "^10.66.0.2 "'
cp "$LAB_DIR/good" "$file"
ok "and all as it was" says 'Address + 10.66.0.1/24' reload
ok "traffic" eval 'pings node 10.66.0.2 && pings node 10.66.0.3'

# --- F11: the private key --------------------------------------------------------------------------------------------

SCAN=$LAB_TREE/tests/lab/scan
far_conf mate 10.66.0.2 next 192.0.2.1
node_conf next ''
ok "F11: the mate's file names the new key" says 'peer node: added' reload mate
began=$(date +%s%N)
ok "F11: the private key changed under load" says 'PrivateKey replaced' reload
ok "F11: handshakes at once" wait_for 9 lab_exec node ping -n -q -c 1 -W 0.2 10.66.0.2
took=$((($(date +%s%N) - began) / 1000000))
echo "# $took ms"
ok "F11: within 3 s" test $took -lt "$([ -n "${LAB_FULL-}" ] && echo 3000 || echo 9000)"
ok "F11: the old key is nowhere in its memory, the new one once" eval '[ "$("$SCAN" "$pid" "$(key_of node)" "$(key_of next)")" = "0 1" ]'
kill "$load" 2>/dev/null

# --- down ------------------------------------------------------------------------------------------------------------

cp "$LAB_DIR/good" "$file"
: >"$hooks"
ok "down" lab_exec node "$WARREN" down "$file"
ok "nothing is left" nothing_left
ok "its hooks ran" test "$(cat "$hooks")" = "$(printf 'pre-down\npost-down %s' "$name")"
ok "up once more" lab_exec node "$WARREN" up "$file"
: >"$hooks"
kill -KILL "$(daemon_pid)"
wait_for 5 eval '[ -z "$(daemon_pid)" ]'
ok "killed: down runs the hooks all the same" lab_exec node "$WARREN" down "$file"
ok "they ran" test "$(cat "$hooks")" = "$(printf 'pre-down\npost-down %s' "$name")"
ok "and nothing is left" nothing_left
ok "a second down has nothing to do: 3" refuses 3 'no warrend runs' lab_exec node "$WARREN" down "$file"
node_conf node 'PreUp = exit 7'
ok "a PreUp that fails: nothing is started" refuses 1 'status 7' lab_exec node "$WARREN" up "$file"
node_conf node 'PostUp = exit 8'
ok "a PostUp that fails: 1" refuses 1 'status 8' lab_exec node "$WARREN" up "$file"
ok "and what was started is stopped" wait_for 5 nothing_left
node_conf node 'SaveConfig = true'
ok "SaveConfig is refused" refuses 1 'SaveConfig' lab_exec node "$WARREN" up "$file"
lab_conf node <<<'[Interface]'
ok "a broken file is refused" refuses 1 'PrivateKey' lab_exec node "$WARREN" up "$file"
ok "and nothing is left" nothing_left
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-mate
lab_done
