#!/bin/bash
# How warrend begins and ends, and what it bears in between: exit codes, sockets, handed-over descriptors, links and addresses
# that change under it. interface.md, section 1; reliability.md, F30, F32, F63, F70.
. "$(dirname "$0")/../lab"

HANDOVER=$LAB_TREE/tests/lab/handover

lab_host node mate
lab_link node mate
lab_addr node mate 192.0.2.1/24
lab_addr mate node 192.0.2.2/24
lab_keys node mate
name=$(lab_if node)
uapi=/var/run/wireguard/$name.sock
control=/run/warren/$name.sock

# ends PID SECONDS: by itself, with status 0, and no socket or link stays.
ends() {
	wait_for "$2" gone "$1" || return
	wait "$1" && lab_nothing_left node
}

there() {
	[ -S "$uapi" ] && [ -S "$control" ] && lab_exec node ip link show "$name"
}

# daemon VARIABLE=VALUE... : without a file, in the foreground
daemon() {
	lab_bare node env "$@"
}

stops() {
	lab_stop "$@" && lab_nothing_left node
}

# --- usage and configuration ------------------------------------------------------------------------------------------

ok "no argument: 2" lab_exits node 2 "$WARREND"
ok "two names: 2" lab_exits node 2 "$WARREND" -f wr0 wr1
ok "no name for an interface: 2" lab_exits node 2 "$WARREND" -f ../wr0
ok "an unknown option: 2" lab_exits node 2 "$WARREND" --colour wr0
ok "--config of no regular file, in the background: 3" lab_exits node 3 "$WARREND" --config /dev/null "$name"
ok "an unknown LOG_LEVEL: 2" lab_exits node 2 env LOG_LEVEL=loud "$WARREND" -f "$name"
ok "WG_TUN_FD is no number: 2" lab_exits node 2 env WG_TUN_FD=x "$WARREND" -f "$name"
ok "WG_TUN_FD is no TUN device: 1" lab_exits node 1 env WG_TUN_FD=0 "$WARREND" -f "$name"
ok "--help and --version: 0" eval 'lab_exits node 0 "$WARREND" --help && lab_exits node 0 "$WARREND" --version'
ok "not allowed to make a TUN device: 1" \
	lab_exits node 1 setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$WARREND" -f "$name"
ok "the same in the background: 1" \
	lab_exits node 1 setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$WARREND" "$name"

refused() {
	lab_exits node 3 "$WARREND" -f --config "$LAB_DIR/$name.conf" "$name" >"$LAB_DIR/refused.log" 2>&1
	cat "$LAB_DIR/refused.log"
	[ $# -eq 0 ] || [ "$(grep -c "$name.conf" "$LAB_DIR/refused.log")" -eq $# ] || return
	for text; do
		grep -q "$name.conf:$text" "$LAB_DIR/refused.log" || return
	done
	lab_nothing_left node
}

lab_conf node <<END
[Interface]
PrivateKey = $(key_of node)
ListenPort = 70000
Adress = 10.66.0.1/24

[Peer]
PublicKey = short
AllowedIPs = 10.66.0.300/32
END
ok "a bad file: 3, and each error with its line" refused '3: ListenPort' '4: .*Address' '7: PublicKey' '8: AllowedIPs'
lab_pair_conf node 10.66.0.1/24 mate 10.66.0.2/32 192.0.2.2:51820
chmod 644 "$LAB_DIR/$name.conf"
ok "a file with a key that others may read: 3, and how to mend it" refused '.*chmod 600'
rm "$LAB_DIR/$name.conf"
ok "no file: 3" refused

# --- beginnings and endings -------------------------------------------------------------------------------------------

ok "without a file, in the foreground" daemon
pid=$LAB_PID
ok "a second one: 4" lab_exits node 4 "$WARREND" -f "$name"
ok "also in the background" lab_exits node 4 "$WARREND" "$name"
ok "the same name in another namespace: 4" lab_exits mate 4 "$WARREND" -f "$name"
ok "the first lives on" there
ok "and answers" eval '"$WARREN" status "$name" && wg show "$name"'
lab_exec node ip link del "$name"
ok "F63: its link deleted: 0 within 1 s" ends "$pid" 1
daemon && rm "$uapi"
ok "its UAPI socket removed: 0" ends "$LAB_PID" 1
daemon
ok "SIGINT: 0" stops "$LAB_PID" INT
daemon
kill -KILL "$(sweeper_of "$LAB_PID")"
kill -KILL "$LAB_PID"
wait "$LAB_PID" 2>/dev/null
ok "F70: killed together with its sweeper, it leaves stale sockets" test -S "$uapi" -a -S "$control"
ok "which the next one replaces" eval 'daemon && wg show "$name"'
ok "SIGTERM: 0" stops "$LAB_PID" TERM
ok "in the background: ready when the command returns" eval 'lab_exits node 0 "$WARREND" "$name" && there && wg show "$name"'
kill "$(lab_warrends node)"
ok "and ends like the other" wait_for 2 lab_nothing_left node
lab_spawn node foreground env WG_PROCESS_FOREGROUND=1 "$WARREND" "$name"
ok "WG_PROCESS_FOREGROUND=1: stays" wait_for 5 there
ok "and ends" stops "$LAB_PID"
daemon LOG_LEVEL=silent
lab_stop "$LAB_PID"
ok "LOG_LEVEL=silent: not a word" test ! -s "$LAB_DIR/warrend-node.log"
daemon LOG_LEVEL=error
lab_stop "$LAB_PID"
ok "LOG_LEVEL=error: nothing went wrong" test ! -s "$LAB_DIR/warrend-node.log"
daemon LOG_LEVEL=debug
lab_stop "$LAB_PID"
ok "LOG_LEVEL=debug: its life" grep -q 'listening on port' "$LAB_DIR/warrend-node.log"

# --- handed over ------------------------------------------------------------------------------------------------------

lab_pair_conf mate 10.66.0.2/24 node 10.66.0.1/32 192.0.2.1:51820
ok "the mate is up" lab_warrend mate

configure() {
	wg set "$name" private-key "$LAB_DIR/node.key" listen-port 51820 peer "$(pub_of mate)" \
		endpoint 192.0.2.2:51820 allowed-ips 10.66.0.2/32 &&
		lab_exec node ip address add 10.66.0.1/24 dev "$name" && lab_exec node ip link set "$name" up
}

# handed OPTION...
handed() {
	lab_spawn node warrend-node "$HANDOVER" "$@" "$WARREND" -f "$name"
	wait_for 5 test -S "$control" && configure
}
ok "a TUN device handed over" handed --vnet-tun "$name"
ok "carries traffic" pings node 10.66.0.2
ok "and goes with the daemon" stops "$LAB_PID"
ok "a TUN device without vnet header, as wireguard-go's callers make it" handed --tun "$name"
ok "carries traffic, too" pings node 10.66.0.2
ok "and goes with the daemon" stops "$LAB_PID"
lab_spawn node warrend-node "$HANDOVER" --tun "$name" "$WARREND" -f other
ok "a handed-over device says what it is called" wait_for 5 wg show "$name"
ok "and goes with the daemon" stops "$LAB_PID"
ok "a UAPI socket handed over, and a TUN device" handed --tun "$name" --uapi "$uapi"
ok "carries traffic" pings node 10.66.0.2
rm "$uapi"
ok "removed, it is the end" ends "$LAB_PID" 1

# --- what changes under it --------------------------------------------------------------------------------------------

lab_pair_conf node 10.66.0.1/24,fd66::1/64 mate 10.66.0.2/32,10.77.0.0/16,fd77::/48 192.0.2.2:51820 'MTU = 1380'
ok "with a file" lab_warrend node
pid=$LAB_PID

routes() {
	lab_exec node ip route show table "$@" dev "$name"
	lab_exec node ip -6 route show table "$@" dev "$name"
}
ok "MTU" eval 'lab_exec node ip link show "$name" | grep -q "mtu 1380"'
ok "addresses" eval 'lab_exec node ip -o address show dev "$name" | tee /dev/stderr | grep -c "10.66.0.1/24\|fd66::1/64" | grep -qx 2'
ok "no address of its own making" eval '! lab_exec node ip address show dev "$name" | grep fe80'
ok "routes" eval 'routes main | tee /dev/stderr | grep -c "^10.66.0.2 \|^10.77.0.0/16 \|^fd77::/48 " | grep -qx 3'
ok "traffic" pings node 10.66.0.2

cpu() {
	awk '{ print $14 + $15 }' "/proc/$pid/stat"
}
lab_exec node ip link set "$name" down
before=$(cpu)
sleep 1
ok "the link set down costs no time" test $(($(cpu) - before)) -lt 20
lab_exec node ip link set "$name" up
ok "and up again: traffic" pings node 10.66.0.2

lab_spawn node ping ping -n -q -i 0.02 -W 1 -c 100 10.66.0.2
sleep 0.5
ok "another port under traffic" wg set "$name" listen-port 51999
wait "$LAB_PID"
ok "loses nothing" grep ' 0% packet loss' "$LAB_DIR/ping.log"
ok "the mate knows" eval 'wg show "$(lab_if mate)" endpoints | grep -F 192.0.2.1:51999'
lab_exec node ip address del 192.0.2.1/24 dev to-mate
lab_exec node ip address add 192.0.2.9/24 dev to-mate
ok "another address under it: traffic within 1 s" lab_exec node ping -n -q -i 0.1 -c 1 -w 1 10.66.0.2
ok "the mate knows that, too" eval 'wg show "$(lab_if mate)" endpoints | grep -E "192.0.2.9:51999"'
ok "SIGTERM: 0, and nothing is left" stops "$pid"

lab_pair_conf node 10.66.0.1/24 mate 10.66.0.2/32,10.77.0.0/16 192.0.2.2:51820 'Table = off'
lab_warrend node
ok "Table = off: no route" eval '! routes main | grep "^10.66.0.2 \|^10.77"'
lab_stop "$LAB_PID"
lab_pair_conf node 10.66.0.1/24 mate 10.66.0.2/32,10.77.0.0/16 192.0.2.2:51820 'Table = 1234'
lab_warrend node
ok "Table = 1234: routes are there" eval 'routes 1234 | tee /dev/stderr | grep -c "^10.66.0.2 \|^10.77.0.0/16 " | grep -qx 2'
ok "SIGTERM: 0" stops "$LAB_PID"
lab_exec node ip tuntap add dev "$name" mode tun
lab_warrend node
ok "a device that was there before" eval 'routes 1234 | grep "^10.77"'
lab_stop "$LAB_PID"
ok "stays, without routes and addresses" eval \
	'lab_exec node ip link show "$name" && [ -z "$(routes 1234)" ] && ! lab_exec node ip address show dev "$name" | grep inet'
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-node
lab_done
