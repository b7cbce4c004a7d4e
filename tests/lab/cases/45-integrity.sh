#!/bin/bash
# Not a byte wrong, not a packet out of its flow's order, through two real TUN devices with all offloads: numbered datagrams of every
# length, alone, in runs (USO) and in fragments, and TCP streams, IPv4 and IPv6, both ways at once. 10^6 packets; 10^7 with LAB_FULL.
. "$(dirname "$0")/../lab"

PATTERN=$LAB_BUILD/tests/lab/pattern
times=1
[ -z "${LAB_FULL-}" ] || times=10

lab_host left right
lab_link left right
lab_addr left right 192.0.2.1/24
lab_addr right left 192.0.2.2/24
lab_keys left right
lab_pair_conf left "10.66.0.1/24, fd66::1/64" right "10.66.0.2/32, fd66::2/128" 192.0.2.2:51820 "MTU = 1400"
lab_pair_conf right "10.66.0.2/24, fd66::2/64" left "10.66.0.1/32, fd66::1/128" 192.0.2.1:51820 "MTU = 1400"
ok "warrend starts on the left" lab_warrend left
ok "warrend starts on the right" lab_warrend right
ok "they reach each other" pings left 10.66.0.2 || lab_explain warrend-left warrend-right

address_of() {
	case $1-$2 in
	left-4) echo 10.66.0.1 ;;
	left-6) echo fd66::1 ;;
	right-4) echo 10.66.0.2 ;;
	right-6) echo fd66::2 ;;
	esac
}

other() {
	[ "$1" = left ] && echo right || echo left
}

receivers=()

# flow KIND TO FAMILY PORT AMOUNT: begin one; its result is in $LAB_DIR/KIND-TO-FAMILY.log
flow() {
	local address receiver
	address=$(address_of "$2" "$3")
	lab_spawn "$2" "$1-$2-$3" "$PATTERN" receive "$1" "$address" "$4"
	receiver=$LAB_PID
	receivers+=("$receiver")
	wait_for 5 lab_exec "$2" bash -c "ss -Hln${1:0:1} 'sport = :$4' | grep -q ." || return 1
	lab_spawn "$(other "$2")" "$1-$2-$3-sender" "$PATTERN" send "$1" "$address" "$4" "$5"
}

# begin KIND AMOUNT: a flow of that kind each way, over each family
begin() {
	local to family port=5000
	receivers=()
	for to in left right; do
		for family in 4 6; do
			flow "$1" $to $family $((port++)) "$2" || return 1
		done
	done
}

all_sound() {
	local pid bad=0
	for pid in "${receivers[@]}"; do
		wait "$pid" || bad=1
	done
	tail -n 1 "$LAB_DIR/$1"-*.log
	return $bad
}

# The sum over all results of a kind: word N of the line.
total() {
	cat "$LAB_DIR/$1"-*-[46].log | awk -v n="$2" '{ sum += $n } END { printf "%.0f\n", sum }'
}

# drops FILTER: of both daemons, by their own account.
drops() {
	local host
	for host in left right; do
		"$WARREN" status --json "$(lab_if $host)" | jq ".drops | $1"
	done | awk '{ sum += $1 } END { print sum }'
}

# Where the queue of a TUN stood, the daemon lost a segment on purpose: on a machine too busy for its own programs.
few_are_lost() {
	local lost
	lost=$(total udp 10)
	echo "$lost lost"
	[ "$lost" -le "$(drops .queue)" ]
}

in_order() {
	[ "$(drops .queue)" = 0 ] || return 0
	local host
	for host in left right; do
		lab_exec $host nstat -asz TcpExtTCPOFOQueue | awk '/OFO/ { print $2 }'
	done | awk '{ sum += $1 } END { exit sum != 0 }'
}

# A few packets of the kernel's own, to multicast addresses, have no peer.
nothing_dropped() {
	[ "$(drops 'del(.no_peer, .queue) | add')" = 0 ]
}

ok "datagrams begin" begin udp $((210000 * times))
ok "datagrams arrive byte for byte and in order" all_sound udp || lab_explain warrend-left warrend-right
ok "every one" few_are_lost
cat "$LAB_DIR"/udp-*-[46].log | sed 's/^/# /'
ok "streams begin" begin tcp $((75000000 * times))
ok "every byte of the streams arrives" all_sound tcp || lab_explain warrend-left warrend-right
ok "no segment came out of order" in_order
packets=$(($(total udp 2) + $(total tcp 4) / 1360)) # segments have 1348 bytes, less only where a write ends
ok "that were 10^$((5 + ${#times})) packets" test $packets -ge $((1000000 * times)) && echo "# $packets packets"
ok "the daemons dropped none of them" nothing_dropped
lab_done
