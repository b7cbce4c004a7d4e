#!/bin/bash
# Everything through the tunnel: AllowedIPs = 0.0.0.0/0 and ::/0 with up, reload and down; what goes round it, what comes in past
# it, and that nothing is left of it. interface.md, section 2; reliability.md, F39, vuln_49, vuln_51.
. "$(dirname "$0")/../lab"

lab_host laptop router vps thief
lab_link laptop router
lab_link router vps
lab_link laptop thief
lab_addr laptop router 192.0.2.2/24 2001:db8:1::2/64
lab_addr router laptop 192.0.2.1/24 2001:db8:1::1/64
lab_addr router vps 198.51.100.1/24 2001:db8:2::1/64
lab_addr vps router 198.51.100.7/24 2001:db8:2::7/64
lab_addr laptop thief 192.168.9.2/24
lab_addr thief laptop 192.168.9.1/24
lab_exec router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
lab_exec laptop ip route add default via 192.0.2.1 metric 100
lab_exec laptop ip -6 route add default via 2001:db8:1::1
lab_route vps default 198.51.100.1
lab_exec vps ip -6 route add default via 2001:db8:2::1
# As strict as a host may be: answers have to come in by the interface that their source is reached by.
lab_exec laptop sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.all.src_valid_mark=0
lab_exec thief nft -f - <<<'table ip seen { chain in { type filter hook prerouting priority 0; ip daddr 203.0.113.1 counter; }; }'
lab_keys laptop vps second
name=$(lab_if laptop)
file=$LAB_DIR/$name.conf
second=$LAB_DIR/$(lab_if second).conf
lab_forget "/run/warren/$name.up" "/run/warren/$name.nft" "/run/warren/$(lab_if second).up" "/run/warren/$(lab_if second).nft"

# laptop_conf ALLOWED-IPS [ENDPOINT [LINE-OF-INTERFACE...]]
laptop_conf() {
	local allowed=$1 endpoint=${2:-198.51.100.7:51820}
	shift; shift
	{
		printf '%s\n' '[Interface]' "PrivateKey = $(key_of laptop)" 'Address = 10.66.0.2/24, fd66::2/64' "$@"
		printf '%s\n' '[Peer]' 'Name = vps' "PublicKey = $(pub_of vps)" "AllowedIPs = $allowed" "Endpoint = $endpoint"
	} | lab_conf laptop
}

# The vps has an address of each family that is reached through the tunnel only.
lab_conf vps <<END
[Interface]
PrivateKey = $(key_of vps)
ListenPort = 51820
Address = 10.66.0.1/24, fd66::1/64, 203.0.113.1/32, 2001:db8:f::1/128

[Peer]
PublicKey = $(pub_of laptop)
AllowedIPs = 10.66.0.2/32, fd66::2/128
END
ok "the vps" lab_warrend vps

warren_in() {
	lab_exec laptop "$WARREN" "$@"
}

# All that a full tunnel touches, as text.
state() {
	lab_exec laptop ip -4 rule
	lab_exec laptop ip -6 rule
	lab_exec laptop ip -4 route show table all
	lab_exec laptop ip -6 route show table all
	lab_exec laptop nft list ruleset
}

as_before() {
	state >"$LAB_DIR/host-after"
	diff "$LAB_DIR/host" "$LAB_DIR/host-after" && [ ! -e "/run/warren/$name.nft" ]
}

mark() {
	wg show "$name" fwmark
}

# says TEXT COMMAND...: it succeeds, and one of its lines is that
says() {
	local text=$1
	shift
	"$@" >"$LAB_DIR/said" || { cat "$LAB_DIR/said"; return 1; }
	cat "$LAB_DIR/said"
	grep -qxF -- "$text" "$LAB_DIR/said"
}

# drops REASON: how often the laptop dropped for it
drops() {
	"$WARREN" status "$name" --json | jq ".drops.$1"
}

daemon_pid() {
	lab_warrends laptop | head -n 1
}

kill_daemon() {
	local pid
	pid=$(daemon_pid)
	kill -KILL "$pid"
	wait_for 5 gone "$pid" && wait_for 5 not lab_exec laptop ip link show dev "$name"
}

not() {
	! "$@"
}

rules_with() {
	lab_exec laptop ip -4 rule | grep -c "$1"
}

wait_for 5 eval '[ -z "$(lab_exec laptop ip -6 address show tentative)" ]'
state >"$LAB_DIR/host"

# --- up and down -----------------------------------------------------------------------------------------------------

for endpoint in 198.51.100.7:51820 '[2001:db8:2::7]:51820'; do
	laptop_conf '0.0.0.0/0, ::/0' "$endpoint"
	ok "endpoint $endpoint: up" warren_in up "$file"
	ok "its packets have a mark" test "$(mark)" = 0xca6c
	ok "F39: IPv4 beyond the tunnel" pings laptop 203.0.113.1
	ok "F39: IPv6 beyond the tunnel" pings laptop 2001:db8:f::1
	ok "F39: the endpoint itself, through the tunnel, IPv4" pings laptop 198.51.100.7
	ok "F39: and IPv6" pings laptop 2001:db8:2::7
	ok "F39: nothing was led in a circle" test "$(drops loop)" = 0
	ok "the neighbour is reached directly" eval 'lab_exec laptop ip route get 192.0.2.1 | grep -q "dev to-router"'
	ok "and so it answers" pings laptop 192.0.2.1 2
	ok "reload of the same file" says "$name: nothing changed" warren_in reload "$file"
	ok "down" warren_in down "$file"
	ok "rules, routes and filter are as before" as_before
done
ok "src_valid_mark stays set" test "$(lab_exec laptop sysctl -n net.ipv4.conf.all.src_valid_mark)" = 1

# As strict as that, a host drops what comes in before its filter knows the mark: at a reload, and of who speaks first.
lab_exec laptop sysctl -qw net.ipv4.conf.all.rp_filter=2

# --- reload ----------------------------------------------------------------------------------------------------------

laptop_conf 10.66.0.0/24,fd66::/64 ''
ok "up without a default route" warren_in up "$file"
ok "no mark" test "$(mark)" = off
ok "traffic" pings laptop 10.66.0.1
lab_spawn vps iperf3 iperf3 -s -1 -B 10.66.0.1
wait_for 5 eval 'lab_exec vps ss -ltn | grep -q 5201'
lab_spawn laptop load iperf3 -c 10.66.0.1 -u -b 20M -l 1000 -t 3 -J
lab_spawn laptop ping ping -n -q -i 0.01 -W 1 -c 250 10.66.0.1
pinging=$LAB_PID
laptop_conf '0.0.0.0/0, ::/0' ''
ok "reload adds the default routes" says 'peer vps: AllowedIPs + 0.0.0.0/0' warren_in reload "$file"
ok "beyond the tunnel, both families" eval 'pings laptop 203.0.113.1 2 && pings laptop 2001:db8:f::1 2'
laptop_conf 0.0.0.0/0 ''
ok "reload drops that of IPv6" says 'peer vps: AllowedIPs - ::/0' warren_in reload "$file"
ok "whose rules are gone" eval '! lab_exec laptop ip -6 rule | grep 51820'
ok "while those of IPv4 are not" pings laptop 203.0.113.1 2
ok "none of the tunnel's own packets went into the tunnel" test "$(drops loop) $(drops no_peer)" = "0 0"
laptop_conf 10.66.0.0/24,fd66::/64 ''
ok "reload drops both" says 'FwMark 51820 -> off' warren_in reload "$file"
ok "no rule is left, no mark, no filter" eval '! rules_with "proto 119" && [ "$(mark)" = off ] && ! lab_exec laptop nft list ruleset | grep warren'
wait "$pinging"
ok "under traffic, without a lost packet" grep ' 0% packet loss' "$LAB_DIR/ping.log"
laptop_conf '0.0.0.0/0, ::/0' ''
warren_in reload "$file" >/dev/null
laptop_conf '0.0.0.0/0, ::/0' '' 'FwMark = 0x1234'
ok "reload takes another mark" says 'FwMark 51820 -> 4660' warren_in reload "$file"
ok "and its table" eval 'lab_exec laptop ip route show table 4660 | grep -q default && pings laptop 203.0.113.1 2'
ok "not the old one any more" eval 'lab_exec laptop ip rule | grep 0x1234 && ! lab_exec laptop ip rule | grep 51820 && ! lab_exec laptop ip route show table all | grep 51820'
laptop_conf 10.66.0.0/24,fd66::/64 ''
ok "and drops it" says 'FwMark 4660 -> off' warren_in reload "$file"

# --- vuln_49: the overlay's address, from the neighbour ------------------------------------------------------------------

lab_route router 10.66.0.2/32 192.0.2.2
knocks() {
	lab_exec router ping -n -q -i 0.05 -c 2 -W 1 10.66.0.2
}
ok "vuln_49: a host answers everybody for all of its addresses" knocks
laptop_conf '0.0.0.0/0, ::/0' ''
warren_in reload "$file" >/dev/null
ok "vuln_49: in a full tunnel it does not" not knocks
ok "vuln_49: but this machine itself" pings laptop 10.66.0.2 2
ok "vuln_49: and the other end" pings vps 10.66.0.2 2

# --- vuln_51: routes that steer round the tunnel -------------------------------------------------------------------------

stolen() {
	lab_exec thief nft -j list table ip seen | jq '[.nftables[].rule.expr[]?.counter.packets? // empty] | add'
}
lab_exec laptop ip route add default via 192.168.9.1 metric 10
lab_route laptop 198.51.100.7/32 192.0.2.1
ok "vuln_51: a better default route steals nothing" eval 'pings laptop 203.0.113.1 2 && [ "$(stolen)" = 0 ]'
lab_exec laptop ip route add 128.0.0.0/1 via 192.168.9.1
lab_exec laptop ping -n -q -i 0.05 -c 2 -W 1 203.0.113.1 >/dev/null
ok "vuln_51: a route of length 1 does, as with wg-quick and as warren.conf(5) says" test "$(stolen)" = 2
warren_in down "$file" >/dev/null
laptop_conf '0.0.0.0/0, ::/0' '' 'FwMark = 51820' \
	"PostUp = nft 'table inet only-%i { chain out { type filter hook output priority 0; oif != \"lo\" oif != \"%i\" meta mark != 51820 reject; }; }'" \
	'PostDown = nft delete table inet only-%i'
ok "vuln_51: up with the hooks that warren.conf(5) shows" warren_in up "$file"
ok "vuln_51: then it does not" eval 'not pings laptop 203.0.113.1 2 && [ "$(stolen)" = 2 ]'
ok "vuln_51: while the tunnel carries what is not stolen" pings laptop 10.66.0.1 2
ok "vuln_51: down" warren_in down "$file"
lab_exec laptop ip route del 128.0.0.0/1
lab_exec laptop ip route del default via 192.168.9.1
lab_exec laptop ip route del 198.51.100.7/32
ok "rules, routes and filter are as before" as_before

# --- other endings ---------------------------------------------------------------------------------------------------

laptop_conf '0.0.0.0/0, ::/0' ''
warren_in up "$file" >/dev/null 2>&1
ok "killed" kill_daemon
ok "it leaves its rules" test "$(rules_with 'proto 119')" = 2
ok "up again" warren_in up "$file"
ok "has the same table, and no other's rules" eval '[ "$(mark)" = 0xca6c ] && [ "$(rules_with "proto 119")" = 2 ] && pings laptop 203.0.113.1 2'
ok "killed again" kill_daemon
ok "down" warren_in down "$file"
ok "rules, routes and filter are as before" as_before

sed -e "s,^PrivateKey.*,PrivateKey = $(key_of second)," -e 's,^Address.*,Address = 10.67.0.2/24,' "$file" >"$second"
chmod 600 "$second"
warren_in up "$file" >/dev/null 2>&1
first=$(daemon_pid)
ok "a second full tunnel" warren_in up "$second"
ok "has a table of its own" test "$(wg show "$(lab_if second)" fwmark)" = 0xca6d
kill -KILL "$first"
wait_for 5 not lab_exec laptop ip link show dev "$name"
ok "the first killed, and down" warren_in down "$file"
ok "the second has its rules" eval '[ "$(rules_with 51821)" = 1 ] && [ "$(rules_with suppress)" = 1 ] && ! rules_with 51820'
ok "and its filter" eval 'lab_exec laptop nft list tables | grep -q "warren-$(lab_if second)"'
ok "down" warren_in down "$second"
ok "rules, routes and filter are as before" as_before

# Routes go with a link that goes down; whoever else begins or ends then takes the rules for those of a dead one.
warren_in up "$file" >/dev/null 2>&1
lab_exec laptop ip link set "$name" down
sed -i 's,^AllowedIPs.*,AllowedIPs = 10.67.0.1/32,' "$second"
warren_in up "$second" >/dev/null 2>&1 && warren_in down "$second" >/dev/null 2>&1
ok "the link down: another takes the rules" test "$(rules_with 51820)" = 0
lab_exec laptop ip link set "$name" up
ok "and up: everything goes through the tunnel again" wait_for 5 pings laptop 203.0.113.1 1
ok "down" warren_in down "$file"
ok "rules, routes and filter are as before" as_before

laptop_conf '0.0.0.0/0, ::/0' '' 'PostUp = false'
ok "a hook that fails: up fails" not warren_in up "$file"
ok "rules, routes and filter are as before" as_before
lab_spawn laptop taken socat -u UDP4-RECV:51999 /dev/null
wait_for 5 eval 'lab_exec laptop ss -lun | grep -q 51999'
laptop_conf '0.0.0.0/0, ::/0' '' 'ListenPort = 51999'
ok "a port in use: up fails" not warren_in up "$file"
ok "rules, routes and filter are as before" as_before
laptop_conf '0.0.0.0/0, ::/0' '' 'FwMark = 254'
ok "the mark of the main table: up fails" not warren_in up "$file"
ok "rules, routes and filter are as before" as_before
lab_done
