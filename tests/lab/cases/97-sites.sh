#!/bin/bash
# The lab's own internet, and nodes in it: hops and addresses as they are outside, a NAT that forgets, moves and changes, NAT behind NAT,
# STUN servers that cannot be reached, IPv6 that comes and goes, two labs side by side. nat.md, section 1; F14, F15, F16, F20, F34.
. "$(dirname "$0")/../lab"
FACTOR=3
[ -z "${LAB_FULL-}" ] || FACTOR=1

ok "sites and hosts" lab_up <<-END || exit 1
	public stun 198.51.100.1 198.51.100.2 2001:db8:f::1
	public vps
	public mute
	site home box mapping=eim filtering=apdf ports=random hairpin=external both=delay=5ms
	site cellar behind home box mapping=apdm filtering=apdf ports=sequential
	site office masquerade
	host laptop home
	host phone home
	host deep cellar
	host pc office
END
ok "coturn with two addresses" lab_coturn stun 198.51.100.1 198.51.100.2 || lab_explain coturn-stun

# --- the lab ---------------------------------------------------------------------------------------------------------

# hops HOST ADDRESS COUNT FROM: who says that so many hops were too few
hops() {
	lab_exec "$1" ping -n -c 1 -W 1 -t "$3" "$2" | tee /dev/stderr | grep -q "^From $4 .*\(exceeded\|limit\)"
}
# far HOST ADDRESS COUNT: so many are just enough.
far() {
	pings "$1" "$2" 1 && lab_exec "$1" ping -n -q -c 1 -W 1 -t "$3" "$2"
}
for host in laptop phone deep pc; do
	ok "$host reaches the internet by IPv4" pings $host 198.51.100.1 2
	ok "$host reaches the internet by IPv6" pings $host 2001:db8:f::1 2
done
ok "hosts of one site reach each other" pings laptop "${LAB_IP[phone]}" 2
ok "a router answers a ping" pings laptop 192.168.1.1 1
ok "each NAT is one hop: the inner one" hops deep 198.51.100.1 1 192.168.2.1
ok "the outer one" hops deep 198.51.100.1 2 192.168.1.1
ok "the router of the internet" hops deep 198.51.100.1 3 192.0.2.1
ok "which is all" far deep 198.51.100.1 4
ok "the same with IPv6" hops deep 2001:db8:f::1 2 2001:db8:1::1
ok "and there" far deep 2001:db8:f::1 4
ok "nobody reaches a host behind a NAT by IPv6" eval '! pings vps "${LAB_IP6[laptop]}" 1'
ok "a command that the NAT does not know is refused" eval '! lab_nat home explode'
ok "its numbers can be read" test "$(lab_stat home mappings)" -gt 0

lab_nat home impair both >/dev/null
lab_spawn vps iperf3 iperf3 -s
wait_for 5 lab_exec vps bash -c 'exec 3<>/dev/tcp/127.0.0.1/5201'
megabits() {
	lab_exec laptop iperf3 -c "${LAB_IP[vps]}" -t 2 -J "$@" | jq -e '.end.sum_received.bits_per_second / 1e6 | floor'
}
ok "a stream through a NAT" megabits && echo "# $(cat "$LAB_DIR/.out") Mbit/s out"
ok "and the other way" megabits -R && echo "# $(cat "$LAB_DIR/.out") Mbit/s in"
lab_nat home impair both delay=5ms >/dev/null

lab=$LAB_TREE/tests/lab/lab
another() {
	id=$(printf '%s\n' "public vps" "site home box mapping=eim" "host laptop home" | "$lab" up)
}
ok "another lab, by the program, beside this one" another
ok "in which hosts run commands" "$lab" exec -i "$id" laptop ping -n -q -c 1 -W 2 198.51.100.101
ok "and the NAT takes orders" eval '"$lab" nat -i "$id" home impair both loss=100% && ! "$lab" exec -i "$id" laptop ping -n -q -c 1 -W 1 198.51.100.101'
ok "it goes away" "$lab" down -i "$id"
ok "and leaves nothing" eval '! ip netns | grep -q "wr-$id-" && [ ! -e "${TMPDIR:-/tmp}/warren-lab-$id" ]'
ok "and this one is still there" pings laptop 198.51.100.1 1

# --- what is found out -----------------------------------------------------------------------------------------------

# finds HOST EXPRESSION SERVER...: what netcheck says there of IPv4 (jq)
finds() {
	local host=$1 expression=$2 servers=() server
	shift 2
	for server; do
		servers+=(--stun "$server")
	done
	lab_exec "$host" "$WARREN" netcheck --json "${servers[@]}" >"$LAB_DIR/found.json" || return 1
	jq -e ".ipv4 | $expression" "$LAB_DIR/found.json" || { jq . "$LAB_DIR/found.json" && false; }
}
easy='.mapping == "endpoint-independent" and .filtering == "address-and-port-dependent"'
hard='.mapping == "address-and-port-dependent" and .port_pattern == "sequential"'
ok "laptop finds out" finds laptop "$easy and .port_pattern == \"random\" and .hairpin == \"yes\"" 198.51.100.1
ok "through two NATs the mapping of one and the ports of the other" finds deep \
	'.mapping == "address-and-port-dependent" and .port_pattern == "random"' 198.51.100.1
ok "F16: another kind of NAT" lab_nat home change mapping=apdm ports=sequential
ok "F16: is found out as well" finds laptop "$hard" 198.51.100.1
lab_nat home change mapping=eim ports=random >/dev/null

# Nobody listens on the first (ICMP: no port), nobody has the second (ICMP: no host), the third is silent.
lab_exec vps nft 'add table ip mute; add chain ip mute in { type filter hook input priority 0; }; add rule ip mute in udp dport 3478 drop'
within_3_s() {
	local began=${EPOCHREALTIME/./}
	finds "$@" || return
	echo "$(((${EPOCHREALTIME/./} - began) / 1000)) ms"
	[ $((${EPOCHREALTIME/./} - began)) -le $((3000000 * FACTOR)) ]
}
ok "F20: among servers that refuse, do not exist or are silent, within 3 s" within_3_s laptop "$easy" \
	"${LAB_IP[mute]}" 192.0.2.200 "${LAB_IP[vps]}" 198.51.100.1 && tail -n 1 "$LAB_DIR/.out" | sed 's/^/# /'
ok "F20: with these alone it is unknown, within 3 s" within_3_s laptop '.mapping == "unknown" and .filtering == "unknown"' \
	"${LAB_IP[mute]}" 192.0.2.200 "${LAB_IP[vps]}"
lab_nat home impair both delay=200ms >/dev/null
ok "F20: a slow one, within 3 s" within_3_s laptop "$easy" 198.51.100.1
lab_nat home impair both delay=5ms >/dev/null

# --- a tunnel --------------------------------------------------------------------------------------------------------

lab_keys laptop vps
lab_pair_conf vps 10.66.0.2/24 laptop 10.66.0.1/32
ok "warrend starts on a public host" lab_warrend vps
vps=$LAB_PID
lab_pair_conf laptop 10.66.0.1/24 vps 10.66.0.2/32 "${LAB_IP[vps]}:51820"
ok "and behind the NAT" lab_warrend laptop
laptop=$LAB_PID
ok "they reach each other" pings laptop 10.66.0.2 || lab_explain warrend-laptop warrend-vps
back_within() {
	wait_for $(($1 * FACTOR)) lab_exec laptop ping -n -q -c 1 -W 1 10.66.0.2
}
seen_as() {
	"$WARREN" status --json "$(lab_if vps)" | jq -r '.peers[0].path.remote'
}
before=$(seen_as)
lab_nat home flush >/dev/null
ok "F14: the NAT forgets everybody: within 1 s the way is back" back_within 1
ok "F14: at another public port" test "$(seen_as)" != "$before"
lab_nat home rebind >/dev/null
ok "F15: the provider gives another address: within 1 s" back_within 1
ok "F15: which is what the other side sees" eval '[[ "$(seen_as)" == "${LAB_IP[home]}:"* ]]'
lab_stop "$laptop"

ipv6() {
	ip -n "$(lab_ns laptop)" -6 "$@"
}
lab_pair_conf laptop 10.66.0.1/24 vps 10.66.0.2/32 "[${LAB_IP6[vps]}]:51820"
ipv6 route del default
ok "F34: the endpoint is of IPv6, and there is none" lab_warrend laptop
ok "F34: nothing gets through" eval '! lab_exec laptop ping -n -q -c 2 -W 1 10.66.0.2'
ipv6 route add default via 2001:db8:1::1
ok "F34: it appears: within 3 s" back_within 3 || lab_explain warrend-laptop
ipv6 route del default
ok "F34: it disappears" eval '! lab_exec laptop ping -n -q -c 2 -W 1 10.66.0.2'
ipv6 route add default via 2001:db8:1::1
ok "F34: it is back: within 3 s" back_within 3
ipv6 address del "${LAB_IP6[laptop]}/64" dev to-home
ipv6 address add 2001:db8:1::77/64 dev to-home nodad
ok "F34: another address: within 3 s" back_within 3
ok "F34: which the other side sees" eval '[ "$(seen_as)" = "[2001:db8:1::77]:$("$WARREN" status --json "$(lab_if laptop)" | jq .listen_port)" ]'
ipv6 address del 2001:db8:1::77/64 dev to-home
lab_exec laptop sysctl -qw net.ipv6.conf.to-home.accept_dad=1
ipv6 address add 2001:db8:1::78/64 dev to-home
ok "F34: one that is tentative at first: within 3 s" back_within 3
lab_done
