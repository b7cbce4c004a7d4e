#!/bin/bash
# A daemon that is killed and started again, one alone and both together; its state file, whole, spoilt and unwritable.
# interface.md, section 1, "State"; protocol.md, section 7, "Timestamps"; reliability.md, F01, F02, F61.
. "$(dirname "$0")/../lab"

FACTOR=3 # of the bounds: a loaded machine is not the tunnel's fault
[ -z "${LAB_FULL-}" ] || FACTOR=1

lab_host left right
lab_link left right
lab_addr left right 192.0.2.1/24
lab_addr right left 192.0.2.2/24
lab_keys left right

# conf HOST NUMBER OTHER OTHER-NUMBER [LINE-OF-PEER]
conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of "$1")
		ListenPort = 51820
		Address = 10.66.0.$2/24

		[Peer]
		PublicKey = $(pub_of "$3")
		AllowedIPs = 10.66.0.$4/32
		${5-}
	END
}

conf left 1 right 2
conf right 2 left 1 'Endpoint = 192.0.2.1:51820' # only one knows where the other is

state_of() {
	echo "$STATE_DIRECTORY/$(lab_if "$1").state"
}

milliseconds() {
	echo $(($(date +%s%N) / 1000000))
}

# begin HOST: warrend, without waiting for it; its process is ${pids[HOST]}.
declare -A pids
begin() {
	local name
	name=$(lab_if "$1")
	lab_spawn "$1" "warrend-$1" "$WARREND" -f --config "$LAB_DIR/$name.conf" "$name"
	pids[$1]=$LAB_PID
}

# killed HOST...: without a word. Bash is not to tell of it.
killed() {
	local host
	for host; do
		kill -KILL "${pids[$host]}"
		wait "${pids[$host]}" 2>/dev/null
	done
}

# within MS SINCE WHAT COMMAND...: as soon as the command succeeds, no later than the bound since then.
within() {
	local bound=$(($1 * FACTOR)) since=$2 took
	shift 2
	wait_for $((bound / 1000 + 2)) "$@"
	took=$(($(milliseconds) - since))
	echo "took $took ms" | tee "$LAB_DIR/took"
	[ $took -le $bound ]
}

# timed WHAT MS SINCE COMMAND...
timed() {
	local what=$1
	shift
	ok "$what" within "$@"
	echo "# $(cat "$LAB_DIR/took")"
}

once() {
	lab_exec "$1" ping -n -q -c 1 -W 0.2 "$2"
}

knows_an_endpoint() {
	grep -q '^peer .* endpoint 192\.0\.2\.' "$(state_of "$1")"
}

handshakes() {
	"$WARREN" status "$(lab_if "$1")" --json | jq '[.peers[].last_handshake] | length'
}

# --- restarts ---------------------------------------------------------------------------------------------------------

begin left
begin right
ok "both run" wait_for 5 once right 10.66.0.1
ok "within a second each knows where the other is" eval 'wait_for 3 knows_an_endpoint left && wait_for 3 knows_an_endpoint right'
ok "the file is for its owner only" eval '[ "$(stat -c %a "$(state_of left)")" = 600 ] && [ "$(stat -c %a "$STATE_DIRECTORY")" = 700 ]'
ok "and holds no secret" eval '! grep -F "$(key_of left)" "$(state_of left)"'

# A stream inside: a line each 50 ms, numbered.
lab_spawn right sink socat -u TCP-LISTEN:7000,bind=10.66.0.2,reuseaddr CREATE:"$LAB_DIR/stream"
wait_for 5 lab_exec right ss -Hltn 'sport = :7000'
lab_spawn left source bash -c 'exec 3<>/dev/tcp/10.66.0.2/7000; for ((i = 0; ; i++)); do echo $i >&3 || exit; sleep 0.05; done'
source=$LAB_PID
lines() {
	cat "$LAB_DIR/stream" 2>/dev/null | wc -l
}
flows() {
	local before
	before=$(lines)
	wait_for 5 eval '[ $(lines) -gt '$((before + 10))' ]'
}
ok "a TCP connection inside" flows

for round in 1 2 3; do
	killed left
	since=$(milliseconds)
	begin left
	timed "F01: killed and started, traffic of the survivor: back within 1 s ($round)" 1000 "$since" once right 10.66.0.1
	killed left
	since=$(milliseconds)
	begin left
	timed "F01: the same, traffic of the restarted ($round)" 1000 "$since" once left 10.66.0.2
done
ok "F01: the TCP connection inside lives on" flows
kill "$source"

# Nobody speaks first but the restarted: it knows the other by its file alone.
killed right
begin right
sleep 1.5
killed left
since=$(milliseconds)
begin left
peer_is_up() {
	"$WARREN" status "$(lab_if left)" --json | jq -e '.peers[0].state == "direct"'
}
timed "F01: without any traffic: a session within 1 s" 1000 "$since" peer_is_up

killed left right
since=$(milliseconds)
begin left
begin right
timed "F02: both at once: back within 3 s" 3000 "$since" once left 10.66.0.2
ok "F02: and no packet is lost from then on" pings right 10.66.0.1 50

# --- the file ---------------------------------------------------------------------------------------------------------

# In order, so that it writes its file.
stopped() {
	lab_stop "${pids[$1]}"
}

log_has() {
	grep -c "$2" "$LAB_DIR/warrend-$1.log" | grep -qx "$3"
}

ok "stopped in order" stopped left
conf left 1 right 2 'Endpoint = 192.0.2.2:51820' # without its file it has to be told

# After so many restarts in a minute its timestamps run ahead of the clock, and without its file it would be refused: the other forgets them.
stopped right
rm "$(state_of right)"
begin right
cp "$(state_of left)" "$LAB_DIR/good"
head -c $(($(stat -c %s "$LAB_DIR/good") - 20)) "$LAB_DIR/good" >"$(state_of left)"
begin left
ok "F61: a torn file: it runs" wait_for 10 once left 10.66.0.2
ok "F61: and warns of the line, once" log_has left 'passed over' 1
stopped left
ok "F61: and the file is whole again" grep -q ' seen [0-9]*$' "$(state_of left)"

head -c 3000 /dev/urandom >"$(state_of left)"
begin left
ok "F61: a file of somebody else: it runs, and warns" eval 'wait_for 10 once left 10.66.0.2 && log_has left "torn or none of ours: starting afresh" 1'
stopped left

lab_keys other
sed "s|^self .*|self $(pub_of other)|" "$LAB_DIR/good" >"$(state_of left)"
begin left
ok "the file of another key is ignored" eval 'wait_for 10 once left 10.66.0.2 && log_has left "of another key" 1'
ok "and made afresh" eval 'wait_for 3 grep -qF "self $(pub_of left)" "$(state_of left)"'
stopped left

# The folder is a disk of 64 KiB, full to the brim.
full=$LAB_DIR/full
mkdir "$full"
full_disk() {
	mount -t tmpfs -o size=64k,mode=700 tmpfs "$full" || return
	head -c 65536 /dev/zero >"$full/ballast"
}
ok "a full disk" full_disk
STATE_DIRECTORY=$full begin left
ok "F61: on a full disk it runs" wait_for 10 once left 10.66.0.2
ok "F61: and says so" wait_for 5 log_has left 'cannot write the state file' 1
stopped left
ok "F61: once" log_has left 'cannot write the state file' 1
ok "F61: and leaves nothing half-written" eval '[ "$(ls "$full")" = ballast ]'
rm "$full/ballast"
mount -o remount,ro "$full"
STATE_DIRECTORY=$full begin left
ok "F61: on a read-only one, too" eval 'wait_for 10 once left 10.66.0.2 && wait_for 5 log_has left "cannot write the state file" 1'
stopped left
umount "$full"
STATE_DIRECTORY=/dev/null begin left
ok "F61: without any folder, too" eval 'wait_for 10 once left 10.66.0.2 && log_has left "cannot open the state folder" 1'
stopped left
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-left warrend-right
lab_done
