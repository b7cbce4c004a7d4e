#!/bin/bash
# STUN servers that lie, answer wrongly, flood or say nothing: the verdict comes in time and says unknown where nothing is known, and a
# tunnel beside it notices nothing. nat.md, section 1; reliability.md, F19, F20, rows 09, 10, 21, 22.
. "$(dirname "$0")/../lab"

lab_host node home stun
lab_link node home
lab_link home stun
lab_addr node home 10.0.0.2/24
lab_addr home node 10.0.0.1/24
lab_addr home stun 198.51.100.2/24
lab_addr stun home 198.51.100.1/24 203.0.113.1/32 203.0.113.2/32 203.0.113.8/32 203.0.113.9/32
lab_route node default 10.0.0.1
lab_route home default 198.51.100.1
lab_router home stun
two=203.0.113.1:3478,203.0.113.2:3479

# serves [OPTION...]: from now on the server is one with these faults.
serves() {
	[ -z "${liar-}" ] || lab_stop "$liar"
	lab_spawn stun liar "$LAB_BUILD/tests/lab/liar" "$@"
	liar=$LAB_PID
	wait_for 5 grep -q ready "$LAB_DIR/liar.log"
}
# looks SERVER...: what netcheck finds is in found.json, and how long it took in $took, in milliseconds.
looks() {
	local began server arguments=()
	for server; do
		arguments+=(--stun "$server")
	done
	began=$(date +%s%N)
	lab_exec node "$WARREN" netcheck --json "${arguments[@]}" >"$LAB_DIR/found.json" || return 1
	took=$((($(date +%s%N) - began) / 1000000))
	cat "$LAB_DIR/found.json"
}
# finds WHAT EXPRESSION [OPTION...]: of a server with these faults, within 3 s (F20)
finds() {
	local what=$1 expression=$2
	shift 2
	ok "$what" serves "$two" "$@" || lab_explain liar
	ok "    is looked at" looks 203.0.113.1
	ok "    within 3 s" [ "${took:-9999}" -le 3000 ]
	ok "    what is known is told, the rest is unknown" jq -e "$expression" "$LAB_DIR/found.json" || jq . "$LAB_DIR/found.json"
}

# The same at full length only: what differs is read by the codec alone, which has its unit tests.
seldom_finds() {
	[ -z "${LAB_FULL-}" ] || finds "$@"
}

right='.nat.public == ["198.51.100.2:\(.nat.public[0] | split(":")[1])"]'
mapping='.nat.mapping == "endpoint-independent"'
filtering='.nat.filtering == "address-and-port-dependent"'
nothing='.nat.mapping == "unknown" and .nat.filtering == "unknown" and .nat.public == []'
no_filtering="$right and .nat.filtering == \"unknown\""

finds "an honest server" "$right and $mapping and $filtering"
finds "one that sends everything twice" "$right and $mapping and $filtering" twice
finds "one that sends 15 wrong answers before each right one" "$right and $mapping and $filtering" floods
finds "row 10: a second address behind the right one" "$right and $mapping and $filtering" duplicates lie=192.0.2.66:6
finds "one that ignores CHANGE-REQUEST" "$no_filtering and $mapping" ignores-change
seldom_finds "one that refuses CHANGE-REQUEST" "$no_filtering and $mapping" refuses-change
seldom_finds "one of one address that says nothing of others" "$no_filtering" no-other
finds "one whose other address is nobody's" "$no_filtering" claims-foreign lie=192.0.2.66:6
finds "no XOR-MAPPED-ADDRESS" "$right and $mapping and $filtering" mapped-only
seldom_finds "no mapped address at all" "$nothing" no-mapped
finds "the wrong transaction" "$nothing" wrong-id
finds "another source" "$nothing" wrong-source from=203.0.113.9:3478
finds "row 09: all behind MESSAGE-INTEGRITY" "$nothing" after-integrity
seldom_finds "row 21: attributes too long" "$nothing" overlong
seldom_finds "row 21: an attribute past the end" "$nothing" truncates
seldom_finds "half of each datagram" "$nothing" cuts
seldom_finds "a wrong fingerprint" "$nothing" bad-fingerprint
seldom_finds "an unknown attribute that has to be understood" "$nothing" unknown-mandatory
finds "row 22: requests for answers" "$nothing" as-request
finds "junk" "$nothing" junk
finds "silence" "$nothing" silent
finds "answers after half a second" ".nat.mapping != \"endpoint-dependent\"" delay=500
for error in 300 420 500; do
	seldom_finds "errors: $error" "$nothing" error "error=$error" lie=192.0.2.66:6
done
for lie in 0.0.0.0:7 127.0.0.1:7 224.0.0.1:7 '[2001:db8::7]:7'; do
	seldom_finds "F19: the lie $lie" "$nothing" lies "lie=$lie"
done
finds "F19: the lie ::ffff:127.0.0.1" "$nothing" lies lie=26

ok "one address, whose answers to \"change IP\" come from its other port" serves 203.0.113.1:3478,203.0.113.1:3479 claims-other
ok "    is looked at" looks 203.0.113.1
ok "    and proves nothing about filtering" jq -e "$no_filtering" "$LAB_DIR/found.json" || jq . "$LAB_DIR/found.json"

# A liar beside an honest one.
lab_spawn stun honest "$LAB_BUILD/tests/lab/liar" 203.0.113.8:3478,203.0.113.9:3479
ok "an honest server listens" wait_for 5 grep -q ready "$LAB_DIR/honest.log"
for faults in "lies lie=0.0.0.0:7" "silent" "wrong-id" "error error=500" "junk"; do
	# shellcheck disable=SC2086 # words
	ok "beside one with: $faults" serves "$two" $faults
	ok "    is looked at" looks 203.0.113.1 203.0.113.8
	ok "    within 3 s" [ "${took:-9999}" -le 3000 ]
	ok "    and found out" jq -e "$right and $mapping and $filtering" "$LAB_DIR/found.json" || jq . "$LAB_DIR/found.json"
done

# A tunnel by the same port, while its server floods and lies.
lab_keys node stun
lab_pair_conf node 10.66.0.1/24 stun 10.66.0.2/32 198.51.100.1:51820 "STUN = 203.0.113.1"
lab_pair_conf stun 10.66.0.2/24 node 10.66.0.1/32 198.51.100.2:51820
ok "two daemons start" eval 'lab_warrend node && lab_warrend stun'
ok "and reach each other" lab_exec node ping -qc 3 -i 0.2 10.66.0.2
for faults in "floods lies lie=224.0.0.1:7" "junk floods" "as-request floods" "error error=300 lie=203.0.113.1:3478"; do
	# shellcheck disable=SC2086 # words
	ok "while the server is one with: $faults" serves "$two" $faults
	lab_exec node "$WARREN" netcheck "$(lab_if node)" --json >"$LAB_DIR/found.json" 2>&1 &
	ok "    no packet of the tunnel is lost" eval 'lab_exec node ping -qc 100 -i 0.02 10.66.0.2 | grep " 0% packet loss"'
	wait $!
	ok "    and the daemon knows nothing" jq -e "$nothing" "$LAB_DIR/found.json" || jq . "$LAB_DIR/found.json"
done
lab_done
