#!/bin/bash
# What a node finds out about the NAT before it, with a real STUN server of two addresses (coturn): behind masquerade and without NAT, by
# warren netcheck alone and by the daemon, which looks again when the network changes. nat.md, section 1; F20, F33, F52.
. "$(dirname "$0")/../lab"

lab_host node home wan stun
lab_link node home
lab_link node wan
lab_link home wan
lab_link wan stun
lab_addr node home 10.0.0.2/24
lab_addr home node 10.0.0.1/24
lab_addr home wan 198.51.100.2/25
lab_addr wan home 198.51.100.1/25
lab_addr node wan 198.51.100.130/25
lab_addr wan node 198.51.100.129/25
lab_addr wan stun 203.0.113.254/24
lab_addr stun wan 203.0.113.1/24 203.0.113.2/24
lab_exec wan sysctl -qw net.ipv4.ip_forward=1
lab_route home default 198.51.100.1
lab_route stun default 203.0.113.254
lab_router home wan
at_home() {
	lab_exec node ip route replace default via 10.0.0.1
}
outdoors() {
	lab_exec node ip route replace default via 198.51.100.129
}
at_home

# What ip netns exec shows as /etc/resolv.conf on the node.
trap 'lab_end; rmdir /etc/netns 2>/dev/null' EXIT
lab_forget "/etc/netns/$(lab_ns node)"
mkdir -p "/etc/netns/$(lab_ns node)"
echo "nameserver 203.0.113.1" >"/etc/netns/$(lab_ns node)/resolv.conf"
echo "stun.example.org 203.0.113.1 0" >"$LAB_DIR/names"
lab_spawn stun names "$LAB_TREE/tests/lab/names" 203.0.113.1 "$LAB_DIR/names"

cat >"$LAB_DIR/turnserver.conf" <<END
listening-port=3478
alt-listening-port=3479
listening-ip=203.0.113.1
listening-ip=203.0.113.2
relay-ip=203.0.113.1
realm=warren.test
stun-only
no-tls
no-dtls
no-cli
no-multicast-peers
log-file=stdout
simple-log
pidfile=$LAB_DIR/turnserver.pid
userdb=$LAB_DIR/turndb
END
lab_spawn stun coturn turnserver -c "$LAB_DIR/turnserver.conf"
listens() {
	[ "$(lab_exec stun ss -Hlun "sport = :$1" | grep -c 203.0.113)" -ge 2 ]
}
ok "coturn listens at two addresses and two ports" wait_for 10 eval 'listens 3478 && listens 3479' || lab_explain coturn

# looks ARGUMENT...: warren netcheck on the node as nobody, who may do nothing; its answer is in found.json.
looks() {
	lab_exec node setpriv --reuid 65534 --regid 65534 --clear-groups "$WARREN" netcheck --json "$@" >"$LAB_DIR/found.json" &&
		cat "$LAB_DIR/found.json"
}
# found EXPRESSION: true of what was found (jq)
found() {
	jq -e "$1" "$LAB_DIR/found.json" >/dev/null || { jq . "$LAB_DIR/found.json" && false; }
}
is_schema() {
	/usr/bin/python3 - "$LAB_TREE/docs/schema/netcheck.schema.json" "$LAB_DIR/found.json" <<-'PYTHON'
		import json, sys
		import jsonschema
		jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))
	PYTHON
}
masqueraded='.mapping == "endpoint-independent" and .filtering == "address-and-port-dependent" and .port_pattern == "preserve"'
open='.mapping == "none" and .filtering == "endpoint-independent"'

# --- without a daemon ------------------------------------------------------------------------------------------------

ok "behind masquerade, by nobody, without a daemon" looks --stun 203.0.113.1
ok "one public port for all, peers must be contacted first, ports are kept" found ".nat | $masqueraded"
ok "the public address is the router's" found '.nat.public[0] | startswith("198.51.100.2:")'
ok "the object is what docs/schema says" is_schema
report() {
	lab_exec node "$WARREN" netcheck --stun stun.example.org | tee "$LAB_DIR/report"
}
ok "as a report for people, the server by its name" report
sed 's/^/# /' "$LAB_DIR/report"
ok "whose verdict is EASY" grep -q '^Verdict: EASY' "$LAB_DIR/report"
ok "in lines of 80 columns" awk 'length > 80 { exit 1 }' "$LAB_DIR/report"
foreign() {
	lab_exec node timeout 60 turnutils_natdiscovery -m -f 203.0.113.1
}
ok "turnutils_natdiscovery says the same of the mapping" eval 'foreign | tee /dev/stderr | grep -q "NAT with Endpoint Independent Mapping"'
ok "F20: a name that leads nowhere" looks --stun nowhere.example.org
ok "is said, and no verdict is guessed" found '.servers[0].state == "unresolved" and .nat.mapping == "unknown"'
ok "F20: a server that does not answer" looks --stun 203.0.113.77
ok "is said; one is no proof that UDP is blocked" found '.servers[0].state == "silent" and .nat.mapping == "unknown" and (.nat.udp_blocked | not)'
ok "F20: two that do not" looks --stun 203.0.113.77 --stun 203.0.113.78
ok "are" found '.nat.udp_blocked and .nat.mapping == "unknown"'
ok "F20: beside one that answers" looks --stun 203.0.113.77 --stun 203.0.113.1
ok "it does no harm" found ".nat | $masqueraded and (.udp_blocked | not)"
ok "what is no server is a usage error" lab_exits node 2 "$WARREN" netcheck --stun 'stun example'
ok "a terminal sees progress" eval 'lab_exec node script -qec "$WARREN netcheck --stun stun.example.org" /dev/null </dev/null | tr "\r" "\n" | grep -q "looking at the NAT: servers"'
outdoors
ok "without NAT" looks --stun 203.0.113.1
ok "no mapping, no filter, and the address is our own" found ".nat | $open and (.public[0] | startswith(\"198.51.100.130:\"))"
at_home

# --- by a daemon -----------------------------------------------------------------------------------------------------

lab_keys node
name=$(lab_if node)
daemon_conf() {
	lab_conf node <<-END
		[Interface]
		PrivateKey = $(key_of node)
		ListenPort = 51820
		Address = 10.66.0.1/24
		$1
	END
}
# nat_is EXPRESSION: what status says now
nat_is() {
	"$WARREN" status "$name" --json | jq -e ".nat | $1"
}
checks() {
	lab_metric node warren_nat_checks_total
}
more_checks() {
	[ "$(checks)" -gt "$1" ]
}
daemon_conf "STUN = stun.example.org, 203.0.113.77"
ok "a daemon starts behind masquerade" lab_warrend node
pid=$LAB_PID
ok "and soon knows what it is behind" wait_for 4 nat_is "$masqueraded" || lab_explain warrend-node
ok "its public address is that of its WireGuard port" nat_is '.public[0] == "198.51.100.2:51820"'
ok "status says it in its first line" eval '"$WARREN" status "$name" | grep -q "NAT: endpoint-independent, port-restricted (easy)"'
by_daemon() {
	"$WARREN" netcheck "$name" --json >"$LAB_DIR/found.json"
}
before=$(checks)
sleep 1.1 # who asks sooner is told of the last check
ok "netcheck has it look again" by_daemon
ok "which was another check" more_checks "$before"
ok "with the same verdict" found ".nat | $masqueraded and (.public[0] == \"198.51.100.2:51820\")"
ok "the object is what docs/schema says, too" is_schema
ok "as a report" eval '"$WARREN" netcheck "$name" | tee "$LAB_DIR/report" | grep -q "^Verdict: EASY"'
ok "metrics say it" eval '"$WARREN" metrics "$name" | grep -q "^warren_nat_info.*mapping=\"endpoint-independent\""'
ok "and count it" eval '[ "$(lab_metric node warren_nat_traversal_attempts_total "result=\"success\"")" -ge 2 ]'
ok "promtool has no complaint" lab_promtool node

ok "F33: the default route leads elsewhere: it looks again" eval 'outdoors; wait_for 4 nat_is "$open and (.public[0] == \"198.51.100.130:51820\")"' ||
	lab_explain warrend-node
stranger() {
	! lab_exec stun timeout 3 turnutils_natdiscovery -m -p 51820 198.51.100.130 2>&1 | grep -q 'Mapped\|UDP reflexive addr'
}
ok "vuln_24: a stranger who asks it for his address gets no answer" stranger
ok "vuln_24: which is counted" eval '[ "$("$WARREN" status "$name" --json | jq .drops.stun)" -gt 0 ]'
at_home
ok "F33: and back" wait_for 4 nat_is "$masqueraded"
before=$(checks)
kill -STOP "$pid"
sleep 6
kill -CONT "$pid"
ok "F52: stopped for six seconds and awake: it looks again" wait_for 4 more_checks "$before" || lab_explain warrend-node

lab_exec home nft insert rule ip home forward meta l4proto udp drop
blocked() {
	by_daemon && found '.nat.udp_blocked and .nat.mapping == "unknown"'
}
ok "UDP is blocked, and it says so" wait_for 10 blocked
lab_exec home nft flush chain ip home forward
lab_exec home nft add rule ip home forward accept
daemon_conf ""
ok "a reload takes the servers away" eval 'lab_exec node "$WARREN" reload "$LAB_DIR/$name.conf" | grep -q "^STUN - stun.example.org"' ||
	lab_explain warrend-node
ok "netcheck says that there are none" eval '"$WARREN" netcheck "$name" 2>&1 | grep -q "no STUN server"'
ok "the daemon stops with status 0" lab_stop "$pid"
lab_done
