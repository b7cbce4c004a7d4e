#!/bin/bash
# Two nodes, one behind a home router, over IPv4 and IPv6, with IPv4 and IPv6 inside: ping, ssh, scp, iperf3.
. "$(dirname "$0")/../lab"

lab_host laptop router vps
lab_link laptop router
lab_link router vps
lab_addr laptop router 192.0.2.2/24 2001:db8:1::2/64
lab_addr router laptop 192.0.2.1/24 2001:db8:1::1/64
lab_addr router vps 198.51.100.1/24 2001:db8:2::1/64
lab_addr vps router 198.51.100.7/24 2001:db8:2::7/64
lab_route laptop default 192.0.2.1
lab_exec laptop ip -6 route add default via 2001:db8:1::1
lab_exec vps ip -6 route add 2001:db8:1::/64 via 2001:db8:2::1
lab_router router vps
lab_exec router sysctl -qw net.ipv6.conf.all.forwarding=1
lab_keys laptop vps

lab_conf vps <<END
[Interface]
PrivateKey = $(key_of vps)
ListenPort = 51820
Address = 10.66.0.1/24, fd66::1/64

[Peer]
PublicKey = $(pub_of laptop)
AllowedIPs = 10.66.0.2/32, fd66::2/128
END

# laptop_conf ENDPOINT
laptop_conf() {
	lab_conf laptop <<-END
		[Interface]
		PrivateKey = $(key_of laptop)
		Address = 10.66.0.2/24, fd66::2/64

		[Peer]
		PublicKey = $(pub_of vps)
		AllowedIPs = 10.66.0.1/32, fd66::1/128
		Endpoint = $1
		PersistentKeepalive = 25
	END
}

ssh_says_hello() {
	[ "$(lab_ssh laptop 10.66.0.1 echo hello)" = hello ]
}

copies_50_megabytes() {
	head -c 50000000 /dev/urandom >"$LAB_DIR/sent"
	lab_exec laptop scp -q "${LAB_SSH[@]}" "$LAB_DIR/sent" "root@10.66.0.1:$LAB_DIR/received" &&
		cmp "$LAB_DIR/sent" "$LAB_DIR/received"
}

megabits() {
	lab_exec laptop iperf3 -c 10.66.0.1 -p 5201 -t 2 -C cubic -J "$@" | jq -e '.end.sum_received.bits_per_second / 1e6 | floor'
}

# At least so many bytes of the scp are counted at either end.
counts_bytes() {
	[ "$(lab_metric laptop warren_peer_sent_bytes_total)" -ge "$1" ] &&
		[ "$(lab_metric vps warren_peer_received_bytes_total)" -ge "$1" ]
}

# fills HOST STAGE: its messages hold several packets each.
fills() {
	local packets messages
	packets=$(lab_metric "$1" warren_stage_packets_total "stage=\"$2\"") &&
		messages=$(lab_metric "$1" warren_stage_messages_total "stage=\"$2\"") || return
	echo "$packets packets in $messages messages"
	[ "$packets" -ge $((2 * messages)) ]
}

laptop_conf 198.51.100.7:51820
ok "warrend starts on the vps" lab_warrend vps
ok "warrend starts on the laptop behind a router" lab_warrend laptop
laptop_pid=$LAB_PID
ok "IPv4 inside, IPv4 outside: ping" pings laptop 10.66.0.1 || lab_explain warrend-laptop warrend-vps
ok "IPv6 inside, IPv4 outside: ping" pings laptop fd66::1
ok "and from the vps to the laptop" pings vps 10.66.0.2
ok "1400 bytes, not fragmented, pass" lab_exec laptop ping -n -q -M do -s 1372 -c 2 -W 2 10.66.0.1
ok "sshd listens on the overlay" lab_sshd vps 10.66.0.1
ok "ssh over the overlay" ssh_says_hello
ok "scp of 50 MB arrives whole" copies_50_megabytes
ok "warren metrics counted its bytes" counts_bytes 50000000
lab_spawn vps iperf3 iperf3 -s -p 5201 -B 10.66.0.1
wait_for 5 lab_exec vps bash -c 'exec 3<>/dev/tcp/10.66.0.1/5201'
ok "iperf3 up" megabits && echo "# up $(cat "$LAB_DIR/.out") Mbit/s"
ok "iperf3 down" megabits -R && echo "# down $(cat "$LAB_DIR/.out") Mbit/s"
for stage in "laptop tun_read" "laptop udp_send" "vps udp_receive" "vps tun_write"; do
	# shellcheck disable=SC2086 # two words
	ok "offloads work, says ${stage#* } of the ${stage% *}" fills $stage && echo "# $(cat "$LAB_DIR/.out")"
done
lab_exec laptop ping -n -q -c 3 -i 0.02 -W 0.1 10.66.0.99 >/dev/null
ok "packets for nobody are counted" test "$(lab_metric laptop warren_drops_total 'reason="no_peer"')" -ge 3
if command -v promtool >/dev/null; then
	ok "promtool has no complaint about what either says" eval 'lab_promtool laptop && lab_promtool vps'
else
	lab_skip "promtool is not installed"
fi
ok "warren status shows the peer's endpoint" bash -c "'$WARREN' status $(lab_if laptop) | grep -F 198.51.100.7:51820"

ok "the laptop's daemon stops with status 0" lab_stop "$laptop_pid"
ok "and leaves no socket" test ! -e "/var/run/wireguard/$(lab_if laptop).sock"
laptop_conf '[2001:db8:2::7]:51820'
ok "it starts again, the endpoint now IPv6" lab_warrend laptop
ok "IPv4 inside, IPv6 outside: ping" pings laptop 10.66.0.1 || lab_explain warrend-laptop warrend-vps
ok "IPv6 inside, IPv6 outside: ping" pings laptop fd66::1
lab_done
