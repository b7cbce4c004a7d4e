#!/bin/bash
# wg-quick with warrend in the place of wireguard-go: up, traffic, save, strip, down, compared with what wg-quick does with
# wireguard-go; then everything through the tunnel, by wg-quick's policy routing. The other end is wireguard-go.
. "$(dirname "$0")/../lab"

lab_host laptop
if lab_exec laptop ip link add wg0 type wireguard 2>/dev/null; then
	ok "wg-quick # SKIP this kernel has WireGuard: wg-quick starts no other program" true
	lab_done
	exit
fi

lab_host router vps
lab_link laptop router
lab_link router vps
lab_addr laptop router 192.0.2.2/24 2001:db8:1::2/64
lab_addr router laptop 192.0.2.1/24 2001:db8:1::1/64
lab_addr router vps 198.51.100.1/24 2001:db8:2::1/64
lab_addr vps router 198.51.100.7/24 2001:db8:2::7/64
lab_exec router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
lab_route laptop default 192.0.2.1
lab_route vps default 198.51.100.1
lab_exec laptop ip -6 route add default via 2001:db8:1::1
lab_exec vps ip -6 route add default via 2001:db8:2::1
lab_keys laptop vps
name=$(lab_if laptop)
file=$LAB_DIR/$name.conf

# file_with ALLOWED-IPS ENDPOINT
file_with() {
	lab_conf laptop <<-END
		[Interface]
		Address = 10.66.0.2/24, fd66::2/64
		ListenPort = 51821
		PrivateKey = $(key_of laptop)
		MTU = 1380
		PostUp = echo %i is up; true

		# the vps
		[Peer]
		PublicKey = $(pub_of vps)
		AllowedIPs = $1
		Endpoint = $2
		PersistentKeepalive = 25
	END
}

# quick PROGRAM up|down|save|strip
quick() {
	lab_exec laptop env WG_QUICK_USERSPACE_IMPLEMENTATION="$1" wg-quick "$2" "$file"
}

# daemon_pid PROGRAM: of the one that runs on the laptop (not its sweeper)
daemon_pid() {
	local pid
	for pid in $(ip netns pids "$(lab_ns laptop)"); do
		[ "$(readlink "/proc/$pid/exe")" != "$(readlink -f "$(command -v "$1")")" ] ||
			[ "$(cat "/proc/$pid/comm")" = warrend-sweeper ] || echo "$pid"
	done
}

# Allowed IPs come in any order; wireguard-go's interface has a random address of link scope, warrend's has none.
normal() {
	perl -ne 's{[^\s,]+/\d+(?:, [^\s,]+/\d+)*}{join ", ", sort split /, /, $&}e if /^AllowedIPs/; print unless /^Address = fe80:/' "$1"
}

same_text() {
	diff <(normal "$LAB_DIR/wireguard-go.$1") <(normal "$LAB_DIR/warrend.$1")
}

# save_and_strip PROGRAM: what they say stays in $LAB_DIR/PROGRAM.saved and .stripped
save_and_strip() {
	local as
	as=$LAB_DIR/$(basename "$1")
	quick "$1" strip >"$as.stripped" && quick "$1" save && cp "$file" "$as.saved"
}

megabits() {
	lab_exec laptop iperf3 -c 10.66.0.1 -t 2 -C cubic -J "$@" | jq -e '.end.sum_received.bits_per_second / 1e6 | floor'
}

# What wg-quick down leaves of an interface.
no_interface() {
	! lab_exec laptop ip link show dev "$name"
}

no_socket() {
	[ ! -e "/var/run/wireguard/$name.sock" ] && [ ! -e "/run/warren/$name.sock" ]
}

# down_and_gone WHAT: warrend has a second to follow its interface
down_and_gone() {
	local pid
	pid=$(daemon_pid "$WARREND")
	ok "$1: warrend runs" test -n "$pid"
	ok "$1: wg-quick down" quick "$WARREND" down
	ok "$1: the interface is gone" no_interface
	ok "$1: so is warrend, within a second" wait_for 1 gone "$pid"
	ok "$1: and its sockets" no_socket
}

# The vps has an address of each family that is reached through the tunnel only.
ok "wireguard-go on the vps" lab_daemon vps wireguard-go 10.66.0.1/24 fd66::1/64 203.0.113.1/32 2001:db8:f::1/128
lab_wg vps set % private-key "$LAB_DIR/vps.key" listen-port 51820 \
	peer "$(pub_of laptop)" allowed-ips 10.66.0.2/32,fd66::2/128
lab_spawn vps iperf3 iperf3 -s -B 10.66.0.1

# --- a private network -----------------------------------------------------------------------------------------------

file_with 10.66.0.0/24,fd66::/64 198.51.100.7:51820
ok "wg-quick up with wireguard-go" quick wireguard-go up
ok "save and strip with it" save_and_strip wireguard-go
ok "wg-quick down with it" quick wireguard-go down
wait_for 5 no_socket

file_with 10.66.0.0/24,fd66::/64 198.51.100.7:51820
ok "wg-quick up with warrend" quick "$WARREND" up
ok "ping, IPv4 inside" pings laptop 10.66.0.1
ok "ping, IPv6 inside" pings laptop fd66::1
ok "iperf3 up" megabits && echo "# $(cat "$LAB_DIR/.out") Mbit/s"
ok "iperf3 down" megabits -R && echo "# $(cat "$LAB_DIR/.out") Mbit/s"
ok "save and strip" save_and_strip "$WARREND"
ok "the stripped file is the same" same_text stripped
ok "the saved file is the same" same_text saved
ok "and has the two addresses that it had" test "$(grep -c ^Address "$file")" -eq 2
down_and_gone "a private network"
ok "wg-quick up with the saved file" quick "$WARREND" up
ok "ping" pings laptop 10.66.0.1
down_and_gone "the saved file"

# --- an interface that warren up made ---------------------------------------------------------------------------------

file_with 10.66.0.0/24,fd66::/64 198.51.100.7:51820
lab_forget "/run/warren/$name.up"
ok "warren up" lab_exec laptop "$WARREN" up "$file"
ok "its traffic" pings laptop 10.66.0.1
ok "wg-quick save on it" quick "$WARREND" save
cp "$file" "$LAB_DIR/warrend.saved"
ok "the saved file is the same" same_text saved
down_and_gone "after warren up"
ok "warren up with the file that wg-quick saved" lab_exec laptop "$WARREN" up "$file"
ok "traffic" pings laptop 10.66.0.1
ok "warren down" lab_exec laptop "$WARREN" down "$file"

# --- everything through the tunnel -----------------------------------------------------------------------------------

# A loop would send the tunnel's own packets through the tunnel, again and again.
sent_less_than() {
	[ "$(lab_wg laptop show % transfer | cut -f 3)" -lt "$1" ]
}

rules() {
	lab_exec laptop ip -4 rule
	lab_exec laptop ip -6 rule
	lab_exec laptop nft list ruleset
}
rules >"$LAB_DIR/rules"
for endpoint in 198.51.100.7:51820 '[2001:db8:2::7]:51820'; do
	file_with '0.0.0.0/0, ::/0' "$endpoint"
	ok "everything, endpoint $endpoint: wg-quick up" quick "$WARREND" up
	ok "$endpoint: wg-quick gave it a fwmark" test "$(lab_wg laptop show % fwmark)" = 0xca6c
	ok "$endpoint: IPv4 beyond the tunnel" pings laptop 203.0.113.1
	ok "$endpoint: IPv6 beyond the tunnel" pings laptop 2001:db8:f::1
	ok "$endpoint: the vps itself, through the tunnel, IPv4" pings laptop 198.51.100.7
	ok "$endpoint: and IPv6" pings laptop 2001:db8:2::7
	ok "$endpoint: the tunnel's own packets stay out of it" sent_less_than 8000
	down_and_gone "$endpoint"
	rules >"$LAB_DIR/rules-after"
	ok "$endpoint: no rule is left" cmp "$LAB_DIR/rules" "$LAB_DIR/rules-after"
done
lab_done
