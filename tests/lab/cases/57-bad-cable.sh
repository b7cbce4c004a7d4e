#!/bin/bash
# A cable that loses, duplicates, reorders, corrupts, and holds packets for seconds, between a host behind a NAT and a public one: the
# tunnel loses what the cable lost and nothing else. reliability.md, F41, F42, F43, F45. One packet inside is one outside.
. "$(dirname "$0")/../lab"

FACTOR=3 # of the bounds: a loaded machine is not the tunnel's fault
COUNT=4000
[ -z "${LAB_FULL-}" ] || { FACTOR=1 && COUNT=20000; }
RATE=4000
CONTROL=20 # packets beside those that are counted: handshakes, keepalives

ok "a site and a public host" lab_up <<-END || exit 1
	public vps
	site home box mapping=eim filtering=apdf ports=random
	host laptop home
END
lab_keys laptop vps
lab_pair_conf laptop 10.66.0.1/24 vps 10.66.0.2/32 "${LAB_IP[vps]}:51820"
lab_pair_conf vps 10.66.0.2/24 laptop 10.66.0.1/32
ok "warrend starts on a public host" lab_warrend vps
ok "and on one behind a NAT" lab_warrend laptop
laptop=$LAB_PID
ok "they reach each other" pings laptop 10.66.0.2 || lab_explain warrend-laptop warrend-vps

# impaired WORD...: the cable is so from now on, both ways.
impaired() {
	lab_nat home impair both "$@"
}

# cable NAME: how often that happened to a packet on its way to the vps
cable() {
	lab_stat home "cable-out $1"
}

replays() {
	"$WARREN" status --json "$(lab_if vps)" | jq .drops.replay
}

# travels SILENCE WORD...: until nothing came for so many seconds, so many numbered datagrams to the vps over such a cable; what came is in $LAB_DIR/numbered.log, what happened to
# them in lost, doubled, corrupt and replayed.
travels() {
	local silence=$1 receiver
	shift
	lost=$(cable lost) doubled=$(cable duplicated) corrupt=$(cable corrupted) replayed=$(replays)
	impaired "$@" >/dev/null || return 1
	lab_spawn vps numbered "$LAB_TREE/tests/lab/numbered" receive 10.66.0.2 5000 "$silence"
	receiver=$LAB_PID
	wait_for 5 eval 'lab_exec vps ss -Hlun "sport = :5000" | grep -q .' || return 1
	lab_exec laptop "$LAB_TREE/tests/lab/numbered" send 10.66.0.2 5000 $COUNT $RATE || return 1
	wait "$receiver"
	impaired >/dev/null || return 1
	lost=$(($(cable lost) - lost)) doubled=$(($(cable duplicated) - doubled)) corrupt=$(($(cable corrupted) - corrupt))
	replayed=$(($(replays) - replayed))
	lab_log numbered
	echo "lost $lost, doubled $doubled, corrupt $corrupt, dropped as replayed $replayed"
}

came() {
	jq -e "$1" "$LAB_DIR/numbered.log"
}

# missing N: so many did not come, as the cable did to so many, but for those that were not counted; none wrong, none twice.
missing() {
	local missed
	missed=$((COUNT - $(jq .received "$LAB_DIR/numbered.log")))
	echo "$missed missing, the cable had $1"
	[ "$missed" -le "$1" ] && [ "$missed" -ge $(($1 - CONTROL)) ] && came '.wrong == 0 and .twice == 0'
}

for share in 1 10 30; do
	ok "F41: $share % are lost" travels 0.5 loss=$share% && sed 's/^/# /' "$LAB_DIR/.out"
	ok "F41: and no other" missing "$lost"
done

impaired loss=30% >/dev/null
lab_stop "$laptop"
ok "F41: a handshake with 30 % lost, within 16 s" eval "lab_warrend laptop && wait_for $((16 * FACTOR)) pings laptop 10.66.0.2 1" ||
	lab_explain warrend-laptop

# Up to 7,600 packets late: the window is 8,192.
ok "F42: half arrive twice, a fifth up to 1.9 s late" travels 3 duplicate=50% reorder=20%:1.9s && sed 's/^/# /' "$LAB_DIR/.out"
ok "F42: every one came, none twice" missing 0
ok "F42: they were late by more than half the window" came '.late > ('$COUNT' | if . > 8000 then 4096 else 2000 end)'
ok "F42: what was dropped as replayed is what came twice" eval 'echo $replayed of $doubled; [ $((doubled - replayed)) -ge 0 ] && [ $((doubled - replayed)) -le $CONTROL ]'

ok "F43: half have up to 14 wrong bits" travels 0.5 corrupt=50%:14 && sed 's/^/# /' "$LAB_DIR/.out"
ok "F43: those are missing, nothing came wrong" missing "$corrupt"

handshake() {
	"$WARREN" status --json "$(lab_if "$1")" | jq '.peers[0].latest_handshake_unix_ns'
}
# Pings before, while, and after the way takes a second: all are answered.
bloat() {
	lab_exec laptop ping -n -i 0.05 -c 140 -W 5 10.66.0.2 >"$LAB_DIR/pings" &
	local ping=$!
	sleep 1
	impaired delay=1s
	sleep 4
	impaired delay=2500us
	wait $ping
	tail -n 3 "$LAB_DIR/pings"
	grep -q ' 140 received' "$LAB_DIR/pings" && awk -F '[ /=]+' '/^rtt/ { exit $8 < 1900 }' "$LAB_DIR/pings"
}
before=$(handshake laptop)
ok "F45: no packet is lost while the way takes 2 s" bloat
# The wall clock is read beside the other one: the last digits of a time may differ.
same_handshake() {
	local difference=$(($(handshake laptop) - before))
	[ ${difference#-} -lt 1000000 ]
}
ok "F45: nobody thought that the other was gone" same_handshake
lab_done
