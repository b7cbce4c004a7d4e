#!/bin/bash
# Memory runs out: each request to a daemon with each allocation that it costs failing is done or refused as a whole, and the daemon
# carries traffic all the while; without any memory at all a new session begins. reliability.md, F60.
. "$(dirname "$0")/../lab"

lab_host node mate
lab_link node mate
lab_addr node mate 192.0.2.1/24
lab_addr mate node 192.0.2.2/24
lab_keys node mate other
name=$(lab_if node)
page=$LAB_DIR/page
uapi=/var/run/wireguard/$name.sock
control=/run/warren/$name.sock
head -c 4096 /dev/zero >"$page"

# u64 NUMBER...: as eight bytes each (tests/support/starve.h)
u64() {
	local n i bytes=
	for n; do
		for i in 0 8 16 24 32 40 48 56; do
			printf -v bytes '%s\\x%02x' "$bytes" $((n >> i & 255))
		done
	done
	# shellcheck disable=SC2059 # the bytes are the format
	printf "$bytes"
}

# starve FAILURES: of the next allocations
starve() {
	u64 0 "$1" 0 | dd of="$page" bs=24 seek=8 oflag=seek_bytes conv=notrunc status=none
}

allocations() {
	od -An -t u8 -N 8 "$page"
}

# sweep SOCKET CHANGE BACK: the texts of two requests
sweep() {
	printf '%s' "$2" >"$LAB_DIR/change"
	printf '%s' "$3" >"$LAB_DIR/back"
	"$LAB_BUILD/tests/lab/hunger" "$page" "$uapi" "$1" "$LAB_DIR/change" "$LAB_DIR/back"
}

# tell what a sweep counted
told() {
	sed 's/^/# /' "$LAB_DIR/.out"
}

# hex FILE: a key as the UAPI has it
hex() {
	base64 -d "$1" | od -An -v -t x1 | tr -d ' \n'
}

reload_request() {
	jq -cRs '{cmd: "reload", config: .}'
}

# node_conf [LINE-OF-INTERFACE [LINE-OF-OTHER...]]
node_conf() {
	cat <<-END
		[Interface]
		PrivateKey = $(key_of node)
		ListenPort = 51820
		Address = 10.66.0.1/24
		${1-}

		[Peer]
		Name = mate
		PublicKey = $(pub_of mate)
		AllowedIPs = 10.66.0.2/32
	END
	[ $# -lt 2 ] || printf '%s\n' '[Peer]' "PublicKey = $(pub_of other)" "${@:2}"
}

carries_tcp() {
	lab_exec mate iperf3 -c 10.66.0.1 -p 5201 -t 1 -C cubic -J | jq -e '.end.sum_received.bytes > 1000000'
}

# lost_nothing PING-PID: but for the answer that it did not wait for any more
lost_nothing() {
	local sent got
	lab_stop "$1" INT
	read -r sent got < <(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' "$LAB_DIR/ping.log")
	echo "sent $sent, answered $got"
	[ "$sent" -gt 20 ] && [ $((sent - got)) -le 1 ]
}

is_silent() {
	! timeout 5 "$WARREN" status "$name"
}

# allocates AT-MOST COMMAND...: the daemon, while the command runs
allocates() {
	local before
	before=$(allocations)
	"${@:2}" || return 1
	echo "$(($(allocations) - before)) allocations"
	[ $(($(allocations) - before)) -le "$1" ]
}

# refused_to_start PASSES: without memory from there on; 1: it was not
refused_to_start() {
	local status
	starve 0
	lab_exec node env WARREN_STARVE="$page" WARREN_STARVE_START="$1 1000000000" \
		timeout 5 "$LAB_BUILD/tests/lab/starved/warrend" -f --config "$LAB_DIR/$name.conf" "$name" 2>"$LAB_DIR/start.log"
	status=$?
	starve 0
	[ $status -ne 124 ] || return 1
	[ $status -eq 1 ] && grep -q error: "$LAB_DIR/start.log" && lab_nothing_left node >/dev/null 2>&1 && return
	echo "$1 allocations, status $status:"
	cat "$LAB_DIR/start.log"
	return 2
}

# Each allocation up to those of libseccomp, which are many.
refuses_to_start() {
	local n=0 status
	while [ $n -lt 400 ]; do
		refused_to_start $n
		status=$?
		[ $status -ne 1 ] || return 0 # it started
		[ $status -eq 0 ] || return 1
		n=$((n < 60 ? n + 1 : n + 60))
	done
}

node_conf | lab_conf node
ok "without memory it does not start, and says so" refuses_to_start
lab_pair_conf mate 10.66.0.2/24 node 10.66.0.1/32 192.0.2.1:51820
warrend=$WARREND
WARREND=$LAB_BUILD/tests/lab/starved/warrend
ok "a daemon starts whose memory can run out" lab_warrend node env WARREN_STARVE="$page"
node_pid=$LAB_PID
WARREND=$warrend
lab_warrend mate
mate_pid=$LAB_PID
ok "and carries traffic" pings mate 10.66.0.1
lab_spawn mate ping ping -n -q -i 0.02 10.66.0.1
ping_pid=$LAB_PID

other="public_key=$(hex "$LAB_DIR/other.pub")"
ok "wg show" sweep "$uapi" $'get=1\n\n' $'get=1\n\n'; told
ok "wg set" sweep "$uapi" "set=1
fwmark=7
$other
preshared_key=$(hex "$LAB_DIR/other.key")
endpoint=192.0.2.9:51820
allowed_ip=10.66.0.9/32
allowed_ip=10.7.0.0/16
allowed_ip=fd66::9/128

" "set=1
fwmark=0
$other
remove=true

"; told
ok "warren status" sweep "$control" $'{"cmd":"status"}\n' $'{"cmd":"status"}\n'; told
ok "warren metrics" sweep "$control" $'{"cmd":"metrics"}\n' $'{"cmd":"metrics"}\n'; told
ok "warren events" sweep "$control" $'{"cmd":"events"}\n' $'{"cmd":"events"}\n'; told
ok "warren reload" sweep "$control" "$(node_conf 'MTU = 1380' 'AllowedIPs = 10.66.0.9/32, 10.8.0.0/16' \
	'Endpoint = localhost:51821' | reload_request)
" "$(node_conf | reload_request)
"; told

ok "a ping went on all the while and lost nothing" lost_nothing "$ping_pid" || lab_explain ping warrend-node
lab_spawn node iperf3 iperf3 -s -p 5201 -B 10.66.0.1
wait_for 5 lab_exec node bash -c 'exec 3<>/dev/tcp/10.66.0.1/5201'
ok "TCP costs no memory but what a state file may" allocates 10 carries_tcp
starve 1000000000
lab_stop "$mate_pid"
ok "without any memory the mate comes back" lab_warrend mate
ok "and there is a new session" pings mate 10.66.0.1 20
ok "that carries TCP" carries_tcp
ok "only questions are not answered" is_silent
starve 0
ok "but are, when there is memory again" "$WARREN" status "$name"
ok "it stops with status 0" lab_stop "$node_pid"
ok "and leaves nothing" lab_nothing_left node
lab_done
