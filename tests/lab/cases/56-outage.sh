#!/bin/bash
# What the daemon needs is away for a while: the path to its peer, and whoever reads its log. reliability.md, F44, F62.
. "$(dirname "$0")/../lab"

FACTOR=3 # of the bounds: a loaded machine is not the tunnel's fault
OUTAGES='1 12'
[ -z "${LAB_FULL-}" ] || { FACTOR=1 && OUTAGES='1 5 30 60'; }

lab_host left right
lab_link left right
lab_addr left right 192.0.2.1/24
lab_addr right left 192.0.2.2/24
lab_keys left right

# conf HOST NUMBER OTHER OTHER-NUMBER
conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of "$1")
		ListenPort = 51820
		Address = 10.66.0.$2/24

		[Peer]
		PublicKey = $(pub_of "$3")
		AllowedIPs = 10.66.0.$4/32
		Endpoint = 192.0.2.$4:51820
	END
}
conf left 1 right 2
conf right 2 left 1

# --- the path --------------------------------------------------------------------------------------------------------

lab_warrend left
left=$LAB_PID
lab_warrend right
ok "both run" pings left 10.66.0.2

# A stream inside: a line each 50 ms, numbered.
lab_spawn right sink socat -u TCP-LISTEN:7000,bind=10.66.0.2 CREATE:"$LAB_DIR/stream"
wait_for 5 eval 'lab_exec right ss -Hltn "sport = :7000" | grep -q .'
lab_spawn left source bash -c 'exec 3<>/dev/tcp/10.66.0.2/7000; for ((i = 0; ; i++)); do echo $i >&3 || exit; sleep 0.05; done'
source=$LAB_PID
goes_on() {
	local before
	before=$(wc -l <"$LAB_DIR/stream")
	wait_for "$1" eval '[ "$(wc -l <"$LAB_DIR/stream")" -gt '$((before + 10))' ]'
}
ok "a TCP connection inside" wait_for 5 goes_on 5

cut() {
	local host
	for host in left right; do
		lab_exec $host nft 'add table ip cut; add chain ip cut in { type filter hook input priority 0; }; add rule ip cut in udp dport 51820 drop'
	done
}

mended() {
	lab_exec left nft delete table ip cut
	lab_exec right nft delete table ip cut
}

# Traffic of both ends at ten packets a second all the while.
for seconds in $OUTAGES; do
	cut
	lab_spawn left ping-left ping -n -D -i 0.1 10.66.0.2
	ping_left=$LAB_PID
	lab_spawn right ping-right ping -n -D -i 0.1 10.66.0.1
	ping_right=$LAB_PID
	sleep "$seconds"
	ok "F44: nothing gets through for $seconds s" eval '! grep -q ttl "$LAB_DIR/ping-left.log" "$LAB_DIR/ping-right.log"'
	mended
	since=$(date +%s%N)
	ok "F44: traffic after $seconds s" wait_for 10 eval 'grep -q ttl "$LAB_DIR/ping-left.log" && grep -q ttl "$LAB_DIR/ping-right.log"'
	took=$((($(date +%s%N) - since) / 1000000))
	echo "# $took ms"
	ok "F44: is back within 1 s" test $took -le $((1000 * FACTOR))
	kill "$ping_left" "$ping_right"
	ok "F44: and the TCP connection inside lives on" goes_on 60
done
ok "F44: in it nothing was lost or repeated" eval 'kill "$source"; [ "$(sort -nu "$LAB_DIR/stream" | tail -n 1)" -eq "$(($(wc -l <"$LAB_DIR/stream") - 1))" ]'
lab_stop "$left"

# --- the log ---------------------------------------------------------------------------------------------------------

lab_keys other
name=$(lab_if left)

# Reasons to log, each with an answer to wait for.
noise() {
	local i
	for ((i = 0; i < 20; i++)); do
		timeout 5 wg set "$name" peer "$(pub_of other)" allowed-ips 10.66.9.0/24 &&
			timeout 5 wg set "$name" peer "$(pub_of other)" remove || return
	done
}

# In the foreground: a pipe that is full, and has a reader who does not read.
mkfifo "$LAB_DIR/pipe"
exec 9<>"$LAB_DIR/pipe"
dd if=/dev/zero bs=4096 count=16 status=none >&9
ok "F62: the pipe of its log is full" eval '! timeout 1 bash -c "echo >&9"'
lab_exec left env LOG_LEVEL=debug "$WARREND" -f --config "$LAB_DIR/$name.conf" "$name" 2>&9 9>&- &
LAB_PIDS+=($!)
ok "F62: it starts all the same" wait_for 5 "$WARREN" status "$name"
ok "F62: and answers" noise
ok "F62: and carries traffic" pings left 10.66.0.2 50
dd bs=4096 count=16 of=/dev/null status=none <&9
lab_stop "$(lab_warrends left)"
timeout 1 cat <&9 >"$LAB_DIR/pipe.log"
ok "F62: what was lost is counted" grep -a 'lines were lost' "$LAB_DIR/pipe.log"
exec 9>&-

# In the background: a syslog daemon that has a socket and reads nothing. Both have a /dev of their own for that.
mkdir -p "$LAB_DIR/dev/net"
silent_syslog() {
	sysctl -qw net.unix.max_dgram_qlen=2 && mount -t tmpfs none "$1" && mkdir "$1/net" &&
		for node in null zero random urandom net/tun; do
			touch "$1/$node" && mount --bind "/dev/$node" "$1/$node" || return
		done && mount --rbind "$1" /dev &&
		python3 -c 'import socket, subprocess, sys, time
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
subprocess.run(sys.argv[1:])
time.sleep(60)' "$2" --config "$3" "$4"
}
export -f silent_syslog
lab_spawn left syslog bash -c 'silent_syslog "$@"' - "$LAB_DIR/dev" "$WARREND" "$LAB_DIR/$name.conf" "$name"
ok "F62: with a syslog that hangs it starts" wait_for 5 "$WARREN" status "$name"
ok "F62: in the background" test -n "$(lab_warrends left)"
ok "F62: and answers, with a syslog that hangs" noise
ok "F62: and carries traffic" pings left 10.66.0.2 50
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-left warrend-right syslog
lab_done
