#!/bin/bash
# What happens to the host under traffic: its address, link, default route and sleep change, routes churn, the overlay interface is set
# down, changed and renamed, a route leads the tunnel into itself. Two uplinks; the far end keeps its address.
. "$(dirname "$0")/../lab"

lab_host node left right core far
lab_link node left
lab_link node right
lab_link left core
lab_link right core
lab_link core far
lab_addr node left 192.0.2.2/25
lab_addr left node 192.0.2.1/25
lab_addr node right 192.0.2.130/25
lab_addr right node 192.0.2.129/25
lab_addr left core 198.51.100.1/25
lab_addr core left 198.51.100.2/25
lab_addr right core 198.51.100.129/25
lab_addr core right 198.51.100.130/25
lab_addr core far 203.0.113.1/24
lab_addr far core 203.0.113.7/24
for router in left right core; do
	lab_exec $router sysctl -qw net.ipv4.ip_forward=1
done
lab_route left default 198.51.100.2
lab_route right default 198.51.100.130
lab_route core 192.0.2.0/25 198.51.100.1
lab_route core 192.0.2.128/25 198.51.100.129
lab_route far default 203.0.113.1
# Each uplink lets through only its own addresses, as providers do.
for side in left right; do
	lab_exec $side sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.to-node.rp_filter=1
done
lab_exec node ping -n -q -c 1 -W 5 192.0.2.129 >/dev/null
via() {
	lab_exec node ip route replace default via "$1"
}
via 192.0.2.1
lab_keys node far

# conf HOST ADDRESS PEER ALLOWED [LINE]
conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of "$1")
		ListenPort = 51820
		Address = $2

		[Peer]
		PublicKey = $(pub_of "$3")
		AllowedIPs = $4
		${5-}
	END
}
name=$(lab_if node)
conf node '10.66.0.1/24, fd66::1/64' far 10.66.0.2/32 'Endpoint = 203.0.113.7:51820'
conf far 10.66.0.2/24 node 10.66.0.1/32
ok "the far end is up" lab_warrend far
ok "the node is up" lab_warrend node
pid=$LAB_PID
ok "traffic" pings node 10.66.0.2

now() {
	date +%s%N
}

# back HOST ADDRESS LIMIT-MS: pings until one is answered; says after how many milliseconds since $changed.
back() {
	local took limit=$3
	[ -n "${LAB_FULL-}" ] || limit=$((limit * 3))
	wait_for 8 lab_exec "$1" ping -n -q -c 1 -W 0.1 "$2" || return 1
	took=$((($(now) - changed) / 1000000))
	echo "# $took ms" >>"$LAB_DIR/times"
	[ $took -le $limit ]
}

# recovers WHAT HOST ADDRESS: within a second of what was just done
recovers() {
	ok "$1" back "$2" "$3" 1000 || lab_explain warrend-node warrend-far
	cat "$LAB_DIR/times" 2>/dev/null
	rm -f "$LAB_DIR/times"
}

# moves FROM TO: the node's address on its left uplink replaced, as by another lease
moves() {
	lab_exec node ip address del "$1/25" dev to-left
	lab_exec node ip address add "$2/25" dev to-left
	via 192.0.2.1
	changed=$(now)
}

drops() {
	"$WARREN" status "$name" --json | jq ".drops.$1"
}

# --- addresses, links, routes -----------------------------------------------------------------------------------------

from=2
for to in 3 4 5; do
	moves 192.0.2.$from 192.0.2.$to
	recovers "F30: our address replaced, traffic from here: back" node 10.66.0.2
	from=$to
done
for to in 6 7 8; do
	moves 192.0.2.$from 192.0.2.$to
	recovers "F31: our address replaced, traffic from the far side only: back" far 10.66.0.1
	from=$to
done
lab_exec node ip link set to-left down
sleep 0.5
lab_exec node ip link set to-left up
via 192.0.2.1
changed=$(now)
recovers "F32: link down and up, traffic from the far side only: back" far 10.66.0.1
via 192.0.2.129
changed=$(now)
recovers "F33: the default route flips to the other uplink, traffic from here: back" node 10.66.0.2
via 192.0.2.1
changed=$(now)
recovers "F33: and back again, traffic from the far side only: back" far 10.66.0.1
# The one packet that says where we are now is lost; the far side goes on sending to the old address, which still works inwards.
lab_exec right nft -f - <<-NFT
	table ip lost {
		chain cut {
			type filter hook forward priority filter; policy drop
		}
	}
NFT
via 192.0.2.129
sleep 0.4
lab_exec right nft delete table ip lost
changed=$(now)
recovers "F38: it flips, what says so is lost, traffic from the far side only: back" far 10.66.0.1
via 192.0.2.1
changed=$(now)
recovers "F33: back on the first uplink, traffic from the far side only: back" far 10.66.0.1

# --- IPv6 -------------------------------------------------------------------------------------------------------------

# It comes on the left uplink; a datagram goes by the family of its endpoint (falling back to the other is not part of this version).
for router in left core; do
	lab_exec $router sysctl -qw net.ipv6.conf.all.forwarding=1
done
lab_addr left node 2001:db8:1::1/64
lab_addr left core 2001:db8:2::1/64
lab_addr core left 2001:db8:2::2/64
lab_addr core far 2001:db8:3::1/64
lab_addr far core 2001:db8:3::7/64
lab_route left default 2001:db8:2::2
lab_route core 2001:db8:1::/64 2001:db8:2::1
lab_route far default 2001:db8:3::1
lab_addr node left 2001:db8:1::2/64
lab_route node default 2001:db8:1::1
wg set "$name" peer "$(pub_of far)" endpoint '[2001:db8:3::7]:51820'
changed=$(now)
recovers "F34: IPv6 appears, and the peer is sought there: traffic from here" node 10.66.0.2
on_left() {
	lab_exec node ip address "$@" dev to-left
}
lab_addr node left 2001:db8:1::3/64
on_left change 2001:db8:1::2/64 valid_lft 600 preferred_lft 0
ok "F34: a privacy address rotates: nothing is lost" pings node 10.66.0.2 20
on_left del 2001:db8:1::2/64
changed=$(now)
recovers "F34: the deprecated one goes, traffic from the far side only: back" far 10.66.0.1
on_left del 2001:db8:1::3/64
on_left add 2001:db8:1::4/64
changed=$(now)
ok "F34: the next one is tentative for a while, traffic from the far side only: back within 3 s" back far 10.66.0.1 3000 ||
	lab_explain warrend-node warrend-far
cat "$LAB_DIR/times" && rm -f "$LAB_DIR/times"
on_left del 2001:db8:1::4/64
wg set "$name" peer "$(pub_of far)" endpoint 203.0.113.7:51820
changed=$(now)
recovers "F34: IPv6 disappears, and the peer is sought by IPv4: traffic from here" node 10.66.0.2

# --- routes churn -----------------------------------------------------------------------------------------------------

rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"
}
cpu() {
	awk '{ print $14 + $15 }' "/proc/$pid/stat"
}
for i in {0..9999}; do
	echo "route add 10.$((i / 250 + 100)).$((i % 250)).0/24 via 192.0.2.1"
done >"$LAB_DIR/add"
sed s/add/del/ "$LAB_DIR/add" >"$LAB_DIR/del"
rss_before=$(rss)
cpu_before=$(cpu)
lab_exec node ip -batch "$LAB_DIR/add" && lab_exec node ip -batch "$LAB_DIR/del" &
churn=$!
sleep 0.1
via 192.0.2.129
changed=$(now)
recovers "F38: the default route flips amid 20,000 changes of others, traffic from the far side only: back" far 10.66.0.1
wait $churn
# The watch is stopped while its buffer overruns.
kill -STOP "$pid"
lab_exec node ip -batch "$LAB_DIR/add" && lab_exec node ip -batch "$LAB_DIR/del"
via 192.0.2.1
kill -CONT "$pid"
changed=$(now)
recovers "F38: a flip lost in an overrun of the buffer: back" far 10.66.0.1
took=$(($(cpu) - cpu_before))
echo "# 40,000 changes cost $((took * 10)) ms; RSS $rss_before KiB before, $(rss) KiB after"
ok "F38: they cost less than 1 s of CPU" test $took -lt 100
ok "F38: and no memory" test $(($(rss) - rss_before)) -lt 256

# --- sleep ------------------------------------------------------------------------------------------------------------

moved_while_stopped() {
	kill -STOP "$pid"
	lab_exec node ip address del 192.0.2.8/25 dev to-left
	lab_exec node ip address add 192.0.2.9/25 dev to-left
	via 192.0.2.1
	sleep 12
	kill -CONT "$pid"
	changed=$(now)
}
moved_while_stopped
recovers "F07: stopped for 12 s, moved in between, traffic from the far side only: back" far 10.66.0.1
ok "F07: the node knows that it was away" grep -q 'awake after 1[2-9] s' "$LAB_DIR/warrend-node.log"

# --- the overlay interface --------------------------------------------------------------------------------------------

lab_exec node ip link set "$name" down
before=$(drops tun_failed)
lab_exec far ping -n -q -c 5 -i 0.02 -W 0.1 10.66.0.1 >/dev/null
counted() {
	echo "$before before, $(drops tun_failed) now"
	[ "$(drops tun_failed)" -ge $((before + 5)) ]
}
ok "F63: set down, packets from peers are counted" wait_for 2 counted
lab_exec node ip link set "$name" up
changed=$(now)
recovers "F63: set up: back" far 10.66.0.1
all_set() {
	lab_exec node ip route show dev "$1" | grep '^10.66.0.2 ' && lab_exec node ip -6 address show dev "$1" | grep fd66::1/64
}
ok "F63: its routes and IPv6 addresses, which the kernel had dropped, are set again" wait_for 2 all_set "$name"
lab_exec node ip link set "$name" mtu 1280
ok "F63: its MTU changed: known" wait_for 1 eval '[ "$("$WARREN" status "$name" --json | jq ".peers[0].path.mtu")" = 1280 ]'
lab_exec node ip link set "$name" down
lab_exec node ip link set "$name" name renamed
lab_exec node ip link set renamed up
changed=$(now)
recovers "F63: renamed: traffic" far 10.66.0.1
ok "F63: renamed, too, it has all its routes and addresses" wait_for 2 all_set renamed
ok "F63: the log says so" wait_for 1 grep -q "called renamed now" "$LAB_DIR/warrend-node.log"
ok "F63: the sockets stay" eval '"$WARREN" status "$name" && wg show "$name"'
lab_exec node ip link set renamed mtu 1320
ok "F63: and its MTU is still followed" wait_for 1 eval '[ "$("$WARREN" status "$name" --json | jq ".peers[0].path.mtu")" = 1320 ]'

# --- into itself ------------------------------------------------------------------------------------------------------

sent() {
	"$WARREN" status "$name" --json | jq '.peers[0].tx_bytes'
}
lab_exec node ip route add 203.0.113.7/32 dev renamed
wg set "$name" peer "$(pub_of far)" allowed-ips 10.66.0.2/32,203.0.113.7/32
before=$(sent)
lab_exec node ping -n -q -c 20 -i 0.01 -W 0.1 -s 1200 10.66.0.2 >/dev/null
ok "F39: a route into the tunnel: our own datagrams are dropped" test "$(drops loop)" -ge 20
echo "# 20 packets of 1,228 bytes made $(($(sent) - before)) bytes of datagrams"
ok "F39: none was sealed twice" test $(($(sent) - before)) -lt $((20 * 1288 + 1000))
ok "F39: told once" eval '[ "$(grep -c "into the tunnel" "$LAB_DIR/warrend-node.log")" = 1 ]'
lab_exec node ip route del 203.0.113.7/32 dev renamed
changed=$(now)
recovers "F39: the route gone: back" node 10.66.0.2

# --- outside is inside ------------------------------------------------------------------------------------------------

lab_exec node ip address add 10.66.0.77/26 dev to-right
ok "F40: a subnet outside that overlaps the overlay is warned of" \
	wait_for 1 grep -q '10.66.0.0/24 of the overlay overlaps 10.66.0.64/26' "$LAB_DIR/warrend-node.log"
ok "the node stops with status 0" lab_stop "$pid"
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-node
lab_done
