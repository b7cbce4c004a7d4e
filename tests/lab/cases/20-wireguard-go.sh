#!/bin/bash
# warrend next to Debian's wireguard-go: both roles, with and without PSK, roaming, keepalives; then rekeys without a lost
# packet, which wants a build whose sessions last seconds (configure --enable-test-hooks) in $LAB_HOOKS_BUILD.
. "$(dirname "$0")/../lab"
LAB_HOOKS_BUILD=${LAB_HOOKS_BUILD:-$LAB_TREE/build/hooks}

# pair A B N: two hosts, a cable with 192.0.2.0/24 and 2001:db8::/64 on it, keys, and N in the overlay's addresses
pair() {
	lab_host "$1" "$2"
	lab_link "$1" "$2"
	lab_addr "$1" "$2" 192.0.2.1/24 2001:db8::1/64
	lab_addr "$2" "$1" 192.0.2.2/24 2001:db8::2/64
	lab_keys "$1" "$2"
}

# begin HOST PROGRAM N: its address in the overlay is 10.66.0.N, its port 5182N
begin() {
	lab_daemon "$1" "$2" "10.66.0.$3/24" "fd66::$3/64" || return 1
	lab_wg "$1" set % private-key "$LAB_DIR/$1.key" listen-port "5182$3"
}

# mate HOST OTHER N WORD...: OTHER, anew, as the peer of HOST
mate() {
	local host=$1 other=$2 n=$3
	shift 3
	lab_wg "$host" set % peer "$(pub_of "$other")" remove
	lab_wg "$host" set % peer "$(pub_of "$other")" allowed-ips "10.66.0.$n/32,fd66::$n/128" "$@"
}

# again HOST OTHER WORD...: a change of that peer
again() {
	local host=$1 other=$2
	shift 2
	lab_wg "$host" set % peer "$(pub_of "$other")" "$@"
}

endpoint() {
	lab_wg "$1" show % endpoints | cut -f 2
}

# transfer HOST 2|3: bytes received, sent
transfer() {
	lab_wg "$1" show % transfer | cut -f "$2"
}

handshake() {
	lab_wg "$1" show % latest-handshakes | cut -f 2
}

no_ping() {
	! lab_exec "$1" ping -n -q -c 3 -i 0.1 -W 0.5 "$2"
}

megabits() {
	lab_exec "$1" iperf3 -c "$2" -t 2 -C cubic -J "${@:3}" |
		jq -e '.end.sum_received.bits_per_second / 1e6 | floor'
}

# What one side says it sent is what the other received; asked again, since a packet may be on its way.
same_transfer() {
	[ "$(transfer a 2) $(transfer a 3)" = "$(transfer b 3) $(transfer b 2)" ]
}

pair a b
ok "warrend starts, wg sets it up" begin a "$WARREND" 1
ok "wireguard-go likewise" begin b wireguard-go 2

# --- roles and preshared keys ----------------------------------------------------------------------------------------
mate a b 2 endpoint 192.0.2.2:51822
mate b a 1
ok "warrend initiates: IPv4 inside" pings a 10.66.0.2 || lab_explain warrend-a wireguard-go-b
ok "IPv6 inside" pings a fd66::2
ok "both count the same bytes" wait_for 1 same_transfer
ok "wireguard-go learned warrend's endpoint" test "$(endpoint b)" = 192.0.2.1:51821
lab_spawn b iperf3 iperf3 -s -B 10.66.0.2
wait_for 5 lab_exec a bash -c 'exec 3<>/dev/tcp/10.66.0.2/5201'
ok "iperf3 from warrend to wireguard-go" megabits a 10.66.0.2 && echo "# $(cat "$LAB_DIR/.out") Mbit/s"
ok "iperf3 from wireguard-go to warrend" megabits a 10.66.0.2 -R && echo "# $(cat "$LAB_DIR/.out") Mbit/s"

mate a b 2
mate b a 1 endpoint 192.0.2.1:51821
ok "wireguard-go initiates" pings b 10.66.0.1 || lab_explain warrend-a wireguard-go-b
ok "warrend learned wireguard-go's endpoint" test "$(endpoint a)" = 192.0.2.2:51822
mate b a 1 endpoint 192.0.2.1:51821
ok "wireguard-go forgot its session and initiates again" pings b 10.66.0.1

for n in 1 2; do (umask 077 && wg genpsk >"$LAB_DIR/psk$n"); done
mate a b 2 preshared-key "$LAB_DIR/psk1" endpoint 192.0.2.2:51822
mate b a 1 preshared-key "$LAB_DIR/psk2"
ok "two preshared keys: nothing passes when warrend initiates" no_ping a 10.66.0.2
again b a preshared-key "$LAB_DIR/psk1"
ok "one preshared key: IPv4 passes" pings a 10.66.0.2 || lab_explain warrend-a wireguard-go-b
ok "IPv6 passes" pings a fd66::2
mate a b 2 preshared-key "$LAB_DIR/psk2"
mate b a 1 preshared-key "$LAB_DIR/psk1" endpoint 192.0.2.1:51821
ok "two preshared keys: nothing passes when wireguard-go initiates" no_ping b 10.66.0.1
mate a b 2 preshared-key "$LAB_DIR/psk2"
mate b a 1 preshared-key "$LAB_DIR/psk2" endpoint '[2001:db8::1]:51821'
ok "one preshared key: passes, IPv6 outside" pings b 10.66.0.1
ok "warrend learned the IPv6 endpoint" test "$(endpoint a)" = '[2001:db8::2]:51822'

# --- roaming ---------------------------------------------------------------------------------------------------------
mate a b 2 endpoint 192.0.2.2:51822
mate b a 1 endpoint 192.0.2.1:51821
pings a 10.66.0.2 1 >/dev/null
lab_wg b set % listen-port 51832
pings b 10.66.0.1 2 >/dev/null
ok "warrend follows wireguard-go to another port" test "$(endpoint a)" = 192.0.2.2:51832
ok "and answers there" pings a 10.66.0.2
lab_exec b ip address delete 192.0.2.2/24 dev to-a
lab_exec b ip address add 192.0.2.12/24 dev to-a
again b a endpoint 192.0.2.1:51821 # or wireguard-go sends from its old address for ever, and newer kernels refuse
pings b 10.66.0.1 2 >/dev/null
ok "warrend follows wireguard-go to another address" test "$(endpoint a)" = 192.0.2.12:51832
ok "and answers there" pings a 10.66.0.2
lab_wg a set % listen-port 51831
lab_exec a ip address delete 192.0.2.1/24 dev to-b
lab_exec a ip address add 192.0.2.11/24 dev to-b
ok "warrend moves to another address and port: no packet is lost" pings a 10.66.0.2 || lab_explain warrend-a
ok "wireguard-go followed" test "$(endpoint b)" = 192.0.2.11:51831

# --- keepalives ------------------------------------------------------------------------------------------------------
mate a b 2 endpoint 192.0.2.12:51832
mate b a 1
again a b persistent-keepalive 1
up() {
	[ "$(handshake "$1")" != 0 ]
}
ok "a keepalive alone makes warrend's tunnel come up" wait_for 2 up b
# heard HOST BYTES: so much arrived there since
heard() {
	[ "$(transfer "$1" 2)" -ge "$2" ]
}
from=$(transfer b 2)
ok "and goes on every second" wait_for 4 heard b $((from + 2 * 32))
again a b persistent-keepalive 0
again b a persistent-keepalive 1
from=$(transfer a 2)
ok "wireguard-go's keepalives arrive at warrend" wait_for 4 heard a $((from + 2 * 32))

# --- rekeys ----------------------------------------------------------------------------------------------------------
# With the hooks a session is renewed after 4 s by its initiator, after 4.5 s by its responder, and refused after 9 s.
if [ -x "$LAB_HOOKS_BUILD/warrend" ]; then
	for two in "c d" "e f" "g h"; do
		# shellcheck disable=SC2086 # two words
		pair $two
	done
	hooks=$LAB_HOOKS_BUILD/warrend
	begin c "$hooks" 1 && begin d wireguard-go 2
	begin e "$hooks" 1 && begin f wireguard-go 2
	begin g "$hooks" 1 && begin h "$hooks" 2
	mate c d 2 endpoint 192.0.2.2:51822
	mate d c 1
	mate e f 2
	mate f e 1 endpoint 192.0.2.1:51821
	mate g h 2 endpoint 192.0.2.2:51822
	mate h g 1
	lab_spawn c ping-c ping -n -q -i 0.05 -c 240 10.66.0.2 && c=$LAB_PID
	lab_spawn f ping-f ping -n -q -i 0.05 -c 240 10.66.0.1 && f=$LAB_PID
	lab_spawn g ping-g ping -n -q -i 0.05 -c 240 10.66.0.2 && g=$LAB_PID
	until gone "$c" && gone "$f" && gone "$g"; do
		for host in c d e f g h; do
			handshake $host >>"$LAB_DIR/handshakes-$host"
		done
		sleep 0.5
	done
	# lossless HOST, renewed HOST
	lossless() {
		lab_log "ping-$1" | grep -F ' 0% packet loss'
	}
	renewed() {
		sort -un "$LAB_DIR/handshakes-$1"
		[ "$(sort -un "$LAB_DIR/handshakes-$1" | grep -vcx 0)" -ge 3 ]
	}
	ok "warrend rekeys as initiator with wireguard-go: nothing is lost" lossless c || lab_explain ping-c warrend-c
	ok "its latest handshake moved on twice" renewed c
	ok "and wireguard-go's" renewed d
	ok "warrend rekeys as responder of wireguard-go: nothing is lost" lossless f || lab_explain ping-f warrend-e
	ok "its latest handshake moved on twice" renewed e
	ok "and wireguard-go's" renewed f
	ok "two warrends rekey: nothing is lost" lossless g || lab_explain ping-g warrend-g warrend-h
	ok "the initiator's latest handshake moved on twice" renewed g
	ok "and the responder's" renewed h
else
	lab_skip "rekeys: $LAB_HOOKS_BUILD/warrend is missing: mkdir -p $LAB_HOOKS_BUILD && cd $LAB_HOOKS_BUILD &&" \
		"$LAB_TREE/configure --enable-test-hooks && make"
fi
lab_done
