#!/bin/bash
# Every size of the tunnel and of the path below it: what fits arrives as it was sent, alone and in runs; what does not leaves in fragments
# outside, or is dropped and counted. reliability.md, F57; section 5, row 59 (jumbo frames).
. "$(dirname "$0")/../lab"

PATTERN=$LAB_BUILD/tests/lab/pattern

lab_host left right
lab_link left right
lab_addr left right 192.0.2.1/24
lab_addr right left 192.0.2.2/24
lab_keys left right
lab_pair_conf left 10.66.0.1/24 right "10.66.0.2/32, fd66::2/128" 192.0.2.2:51820
lab_pair_conf right 10.66.0.2/24 left "10.66.0.1/32, fd66::1/128" 192.0.2.1:51820
lab_warrend left
lab_warrend right
ok "two nodes are joined" pings left 10.66.0.2

# set_mtu MTU: of the overlay, and no host remembers the one before. Below 1280 there is no IPv6.
set_mtu() {
	local host
	for host in left right; do
		lab_exec "$host" ip link set "$(lab_if $host)" mtu "$1" &&
			lab_exec "$host" ip route flush cache || return 1
		[ "$1" -lt 1280 ] || lab_exec "$host" ip address replace "fd66::$([ $host = left ] && echo 1 || echo 2)/64" \
			dev "$(lab_if $host)" nodad
		wait_for 2 eval "[ \"\$('$WARREN' status '$(lab_if $host)' --json | jq '.peers[0].path.mtu')\" = $1 ]" || return 1
	done
}

# echoes ADDRESS LENGTH...: of IP packets, answered with the bytes that were sent; whole where they fit
echoes() {
	local address=$1 header=28 len how
	shift
	[ "${address#*:}" = "$address" ] || header=48
	for len; do
		how=do
		[ "$len" -le "$mtu" ] || how=dont
		lab_exec left ping -n -q -c 1 -W 1 -M $how -p 5aa59669 -s $((len - header)) "$address" >"$LAB_DIR/ping.out" 2>&1 &&
			! grep -q 'wrong data' "$LAB_DIR/ping.out" && continue
		echo "$len bytes to $address:"
		cat "$LAB_DIR/ping.out"
		return 1
	done
}

# stream BYTES HOST ADDRESS: known bytes to that host
stream() {
	local receiver
	lab_spawn "$2" stream "$PATTERN" receive tcp "$3" 5001
	receiver=$LAB_PID
	wait_for 5 lab_exec "$2" bash -c "ss -Hlnt 'sport = :5001' | grep -q ." || return 1
	lab_exec "$([ "$2" = left ] && echo right || echo left)" timeout 10 "$PATTERN" send tcp "$3" 5001 "$1"
	wait_for 5 gone "$receiver"
	cat "$LAB_DIR/stream.log"
	wait "$receiver"
}

dropped() {
	"$WARREN" status "$(lab_if left)" --json | jq '[.drops | .[]] | add'
}

# longest MTU: the packet that one UDP datagram of 65507 bytes can carry, padded to 16 and with 32 of ours
longest() {
	echo $(($1 < 65472 ? $1 : 65472))
}

for mtu in 68 576 1280 1420 9000 65535; do
	ok "vuln_59: MTU $mtu" set_mtu $mtu
	whole=$(longest $mtu)
	longer=$((2 * mtu < 65000 ? 2 * mtu : 65000))
	ok "vuln_59: MTU $mtu: packets of every kind of length come back" echoes 10.66.0.2 28 29 44 60 $((whole - 17)) $((whole - 1)) \
		"$whole" $longer ||
		lab_explain warrend-left warrend-right
	[ $mtu -lt 1280 ] ||
		ok "vuln_59: MTU $mtu: and over IPv6" echoes fd66::2 48 49 64 $((whole - 17)) $((whole - 1)) "$whole" $longer
	bytes=$((mtu < 576 ? 200000 : 1000 * mtu))
	[ $mtu -gt $whole ] || {
		ok "vuln_59: MTU $mtu: $bytes known bytes go there" stream $bytes right 10.66.0.2
		ok "vuln_59: MTU $mtu: and back" stream $bytes left 10.66.0.1
	}
done

before=$(dropped)
ok "vuln_59: what no datagram can carry is not answered" eval '! echoes 10.66.0.2 65473 && ! echoes 10.66.0.2 65535'
ok "vuln_59: but counted" test "$(dropped)" -ge $((before + 2))

mtu=1400
ok "F57: MTU $mtu on a path of 1500" set_mtu $mtu
lab_spawn right iperf3 iperf3 -s -p 5201 -B 10.66.0.2
wait_for 5 lab_exec right bash -c 'exec 3<>/dev/tcp/10.66.0.2/5201'

# Bytes that each interval of 0.25 s carried, while the path is narrow from 0.7 s to 2 s.
narrow() {
	lab_spawn left transfer iperf3 -c 10.66.0.2 -p 5201 -t 3 -i 0.25 -C cubic -J
	local transfer=$LAB_PID
	sleep 0.7
	lab_exec left ip link set to-right mtu 1300
	lab_exec right ip link set to-left mtu 1300
	sleep 1.3
	lab_exec left ip link set to-right mtu 1500
	lab_exec right ip link set to-left mtu 1500
	wait_for 10 gone "$transfer"
	jq -c '[.intervals[].sum.bytes]' "$LAB_DIR/transfer.log"
	# Four intervals without a byte are a second.
	jq -e '[.intervals[].sum.bytes > 0] | (map(if . then " " else "x" end) | add) | test("xxxx") | not' "$LAB_DIR/transfer.log" &&
		jq -e '.intervals | length >= 10' "$LAB_DIR/transfer.log"
}
ok "F57: TCP goes on within a second on a path that becomes narrow" narrow
sed -n 's/^\[/# bytes each 0.25 s: [/p' "$LAB_DIR/.out"
lab_exec left ip link set to-right mtu 1300
lab_exec right ip link set to-left mtu 1300
ok "F57: whole packets pass, in fragments outside" echoes 10.66.0.2 1300 1399 1400
lab_done
