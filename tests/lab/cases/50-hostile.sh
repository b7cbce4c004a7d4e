#!/bin/bash
# Two nodes, and between them a stranger who holds no key: what he sends is dropped in silence and counted, keeps nothing in
# memory, and does not disturb the two. Then the worst of clients at the UAPI socket. reliability.md, 3.6, 3.7, F46, F47, F66.
. "$(dirname "$0")/../lab"

STRANGER=$LAB_BUILD/tests/lab/stranger
PEST=$LAB_TREE/tests/lab/pest

lab_host a stranger b
lab_link a stranger
lab_link stranger b
lab_addr a stranger 192.0.2.2/24
lab_addr stranger a 192.0.2.1/24
lab_addr stranger b 198.51.100.1/24
lab_addr b stranger 198.51.100.2/24
lab_route a default 192.0.2.1
lab_route b default 198.51.100.1
lab_exec stranger sysctl -qw net.ipv4.ip_forward=1
lab_keys a b

# conf NAME ADDRESS PEER PEER-ADDRESS ENDPOINT
conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of "$1")
		ListenPort = 51820
		Address = $2/24

		[Peer]
		PublicKey = $(pub_of "$3")
		AllowedIPs = $4/32
		Endpoint = $5
		PersistentKeepalive = 1
	END
}
conf a 10.66.0.1 b 10.66.0.2 198.51.100.2:51820
conf b 10.66.0.2 a 10.66.0.1 192.0.2.2:51820
if_a=$(lab_if a)
uapi=/var/run/wireguard/$if_a.sock
control=/run/warren/$if_a.sock

# calm SECONDS COMMAND...: while the command runs (not longer than that), each pings the other 60 times a second; nothing is
# lost and nothing takes longer than 250 ms.
calm() {
	local pings=($(($1 * 60))) host status
	for host in a b; do
		lab_spawn $host ping-$host ping -n -q -i 0.01 -W 2 -c "${pings[0]}" "10.66.0.$([ $host = a ] && echo 2 || echo 1)"
		pings+=("$LAB_PID")
	done
	shift
	"$@"
	status=$?
	kill -0 "${pings[1]}" || echo "took longer than the ping"
	wait "${pings[@]:1}"
	lab_log ping-a && lab_log ping-b
	[ $status -eq 0 ] && undisturbed a && undisturbed b
}

# undisturbed HOST: by what its ping says
undisturbed() {
	grep -q ' 0% packet loss' "$LAB_DIR/ping-$1.log" && awk -F/ '/^rtt/ { exit !($6 < 250) }' "$LAB_DIR/ping-$1.log"
}

# stranger MODE ARGUMENT...: the last line of its output is the sum, as shell variables.
stranger() {
	lab_exec stranger "$STRANGER" "$@" | tee "$LAB_DIR/stranger.log"
	return "${PIPESTATUS[0]}"
}

# sent, and no answer
silence() {
	local sent sent_bytes got got_bytes cookies
	stranger "$@" || return
	. "$LAB_DIR/stranger.log"
	[ "$sent" -gt 0 ] && [ "$got" -eq 0 ]
}

# Answers are cookie replies only, and less than what was sent.
cookies_only() {
	local sent sent_bytes got got_bytes cookies
	stranger "$@" || return
	. "$LAB_DIR/stranger.log"
	[ "$got" -gt 0 ] && [ "$got" -eq "$cookies" ] && [ "$got" -le "$sent" ] && [ "$got_bytes" -lt "$sent_bytes" ]
}

rss() {
	ps -o rss= -p "$pid_a"
}

# drops REASON...: each of them was counted.
drops() {
	local reason
	"$WARREN" status "$if_a" --json | jq .drops >"$LAB_DIR/drops.log"
	cat "$LAB_DIR/drops.log"
	for reason; do
		jq -e ".$reason > 0" "$LAB_DIR/drops.log" >/dev/null || return
	done
}

endpoint() {
	wg show "$if_a" endpoints
}

ok "warrend starts on a" lab_warrend a
pid_a=$LAB_PID
lab_spawn stranger record "$STRANGER" record to-a "$LAB_DIR/recorded" 51820
record=$LAB_PID
wait_for 5 lab_exec stranger grep -q 0003 /proc/net/packet
ok "and on b" lab_warrend b
pid_b=$LAB_PID
ok "they ping" pings a 10.66.0.2 50
kill "$record"
endpoint_before=$(endpoint)

ok "vuln_27: all types, lengths 0 to 200: no answer, no ping lost" calm 4 silence types 192.0.2.1:4000 192.0.2.2:51820
ok "junk, 20000 a second: no answer, no ping lost" calm 3 silence junk 192.0.2.1:4000 192.0.2.2:51820 2 20000
ok "initiations with ephemeral keys of low order: no answer" \
	silence loworder 192.0.2.1:4000 192.0.2.2:51820 "$(pub_of a)"
ok "what the two said to each other, sent again: no answer" \
	calm 1 silence replay 192.0.2.1:4000 192.0.2.2:51820 "$LAB_DIR/recorded"
ok "sent again as if b had: no ping lost" \
	calm 1 stranger replay 198.51.100.2:51820 192.0.2.2:51820 "$LAB_DIR/recorded"
ok "a still sends to b" test "$(endpoint)" = "$endpoint_before"
ok "vuln_28: initiations of unknown keys, 20000 a second: nothing but cookies, fewer bytes out than in, no ping lost" \
	calm 4 cookies_only initiations 192.0.2.1:4000 192.0.2.2:51820 3 20000 "$(pub_of a)"
rss_before=$(rss)
ok "every drop was counted by its reason" \
	drops short unknown_type mac1 under_load handshake unknown_peer timestamp no_session replay

# back: both ways again. A handshake under load costs one retry: 5.6 s (F46), and more when the machine is busy.
back() {
	local began
	began=$(date +%s%N)
	lab_exec a ping -n -q -i 0.1 -c 1 -w 16 10.66.0.2 && lab_exec b ping -n -q -c 1 -W 1 10.66.0.1 || return
	echo $((($(date +%s%N) - began) / 1000000)) >"$LAB_DIR/back"
}

meet_again() {
	wg set "$if_a" peer "$(pub_of b)" remove &&
		wg set "$if_a" peer "$(pub_of b)" allowed-ips 10.66.0.2/32 endpoint 198.51.100.2:51820
}

lab_spawn stranger flood "$STRANGER" initiations 192.0.2.1:4000 192.0.2.2:51820 60 20000 "$(pub_of a)"
flood=$LAB_PID
sleep 0.5
ok "while that goes on: a forgets b and gets to know it anew" meet_again
ok "and makes a handshake of its own" back && echo "# after $(cat "$LAB_DIR/back") ms"
lab_stop "$pid_b"
ok "b restarts" lab_warrend b
ok "and a takes its handshake" back && echo "# after $(cat "$LAB_DIR/back") ms"
ok "the flood was still on" kill "$flood"
ok "a's memory did not grow" test $(($(rss) - rss_before)) -lt 1024

ok "UAPI: half a line and a hang" calm 7 "$PEST" "$uapi" half
ok "UAPI: 10 MB of rubbish" calm 1 "$PEST" "$uapi" rubbish
ok "F66: 1,000 requests at once on the UAPI socket: all answered, no ping lost" calm 3 "$PEST" "$uapi" parallel &&
	sed -n 's/.*answered after/# 1,000 answered after/p; s/^rtt.*= /# pings meanwhile (min, mean, max): /p' "$LAB_DIR/.out"
ok "F66: 1,000 on the control socket" calm 3 "$PEST" "$control" parallel &&
	sed -n 's/.*answered after/# 1,000 answered after/p; s/^rtt.*= /# pings meanwhile (min, mean, max): /p' "$LAB_DIR/.out"
ok "UAPI: byte by byte" calm 2 "$PEST" "$uapi" slow
ok "UAPI: 1000 connects" calm 1 "$PEST" "$uapi" connects

# A change whose last line is wrong.
set_with_a_bad_end() {
	wg showconf "$if_a" >"$LAB_DIR/before"
	printf '%s\n' set=1 listen_port=4242 fwmark=7 private_key=$(printf '17%.0s' {1..32}) replace_peers=true \
		public_key=$(printf 'ab%.0s' {1..32}) allowed_ip=10.66.9.0/24 endpoint=203.0.113.9:9 allowed_ip=10.66.0.0/33 '' |
		socat - "UNIX-CONNECT:$uapi" >"$LAB_DIR/answer"
	cat "$LAB_DIR/answer"
	wg showconf "$if_a" >"$LAB_DIR/after"
	grep -q '^errno=-22$' "$LAB_DIR/answer" && diff "$LAB_DIR/before" "$LAB_DIR/after"
}
ok "UAPI: a change with one bad line changes nothing" calm 1 set_with_a_bad_end
ok "a's daemon stops with status 0" lab_stop "$pid_a"
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-a warrend-b
lab_done
