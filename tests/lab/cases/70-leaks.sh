#!/bin/bash
# A whole life of the daemon under AddressSanitizer and LeakSanitizer, and under valgrind: configured by a file, reloaded, set by
# wg, traffic both ways, rubbish, the end; as another user. No report, exit status 0.
. "$(dirname "$0")/../lab"

# Privileges are dropped in both.
LAB_OPTIONS=(--user nobody)
SANITIZED=${LAB_SANITIZE_BUILD:-$LAB_TREE/build/sanitize}

lab_host node mate
lab_link node mate
lab_addr node mate 192.0.2.1/24
lab_addr mate node 192.0.2.2/24
lab_keys node mate next other
name=$(lab_if node)
uapi=/var/run/wireguard/$name.sock
(umask 077 && "$WARREN" genpsk >"$LAB_DIR/psk")

# conf NAME ADDRESS OTHER OTHER-ADDRESS ENDPOINT
conf() {
	lab_conf "$1" <<-END
		[Interface]
		PrivateKey = $(key_of "$1")
		ListenPort = 51820
		Address = $2/24
		Name = $1

		[Peer]
		PublicKey = $(pub_of "$3")
		PresharedKey = $(cat "$LAB_DIR/psk")
		AllowedIPs = $4/32
		Endpoint = $5:51820
	END
}

# reloads: the daemon is told of a file with more, with less and with errors, again and again, while traffic passes
reloads() {
	local file=$LAB_DIR/$name.conf i
	cp "$file" "$LAB_DIR/good"
	lab_spawn node ping ping -n -q -i 0.05 10.66.0.2
	for ((i = 0; i < 5; i++)); do
		printf '%s\n' '[Peer]' "PublicKey = $(pub_of other)" 'Name = other' 'AllowedIPs = 10.67.0.0/16, fd67::/64' \
			'Endpoint = 192.0.2.9:9' >>"$file"
		"$WARREN" reload "$file" || return
		sed -i "s|^AllowedIPs = 10.67.*|AllowedIPs = 10.68.0.0/16|; s|^ListenPort = .*|ListenPort = $((52000 + i))|
			s|^Name = node|&\nMTU = 1380\nFwMark = 7|" "$file"
		"$WARREN" reload "$file" || return
		echo 'Adress = 1' >>"$file"
		! "$WARREN" reload "$file" || return
		printf '{"cmd":"reload","config":"[Interface]\\nPrivateKey = %s\\nMTU = x\\n"}\n' "$(key_of next)" |
			socat -t 5 - "UNIX-CONNECT:/run/warren/$name.sock" | grep MTU || return
		cp "$LAB_DIR/good" "$file"
		"$WARREN" reload "$file" || return
	done
	kill "$LAB_PID"
}

# by_wg: every kind of change, and every question
by_wg() {
	local mate
	mate=$(pub_of mate)
	wg set "$name" listen-port 51999 fwmark 7 peer "$(pub_of other)" allowed-ips 10.66.1.0/24,fd66::/64 \
		endpoint 192.0.2.9:9 persistent-keepalive 1 &&
		wg set "$name" peer "$(pub_of other)" allowed-ips 10.66.2.0/24 preshared-key "$LAB_DIR/psk" &&
		wg showconf "$name" >"$LAB_DIR/shown" &&
		wg set "$name" peer "$(pub_of other)" remove peer "$mate" remove &&
		wg setconf "$name" "$LAB_DIR/shown" &&
		wg set "$name" private-key "$LAB_DIR/next.key" peer "$(pub_of other)" remove &&
		wg syncconf "$name" <(wg showconf "$name") && wg show "$name" &&
		wg set "$(lab_if mate)" peer "$(pub_of node)" remove peer "$(pub_of next)" preshared-key "$LAB_DIR/psk" \
			allowed-ips 10.66.0.1/32 endpoint 192.0.2.1:51999
}

# rubbish: at the UAPI, the control socket and the port
rubbish() {
	local text
	for text in 'set=1\nlisten_port=x\n\n' 'set=1\nprivate_key=12' 'get=2\n\n' 'get=1\n\nget=1\n\n' 'nonsense'; do
		printf "$text" | timeout 2 socat -t 1 - "UNIX-CONNECT:$uapi" >/dev/null
	done
	for text in '{}' '{"cmd":"status"}' '{"cmd":"dance"}' '[' ''; do
		echo "$text" | timeout 2 socat -t 1 - "UNIX-CONNECT:/run/warren/$name.sock"
	done
	lab_exec mate "$LAB_BUILD/tests/lab/stranger" junk 192.0.2.2:4000 192.0.2.1:51999 1 1000 &&
		lab_exec mate "$LAB_BUILD/tests/lab/stranger" initiations 192.0.2.2:4000 192.0.2.1:51999 1 500 "$(pub_of next)"
}

# sound STATUS WANTED LOG: the program ended as it should, and no tool had something to say.
sound() {
	[ "$1" -eq "$2" ] || echo "exit status $1"
	[ "$1" -eq "$2" ] && ! grep -E 'ERROR: |runtime error|definitely lost: [1-9]|Invalid|uninitialised' "$LAB_DIR/$3.log"
}

# Valgrind takes its time to begin.
starts() {
	lab_warrend node "$@" || wait_for 20 "$WARREN" status "$name"
}

# life WHAT COMMAND-PREFIX...
life() {
	local what=$1 pid status
	shift
	conf node 10.66.0.1 mate 10.66.0.2 192.0.2.2
	conf mate 10.66.0.2 node 10.66.0.1 192.0.2.1
	WARREND=$LAB_BUILD/warrend lab_warrend mate
	ok "$what: starts" starts "$@"
	pid=$LAB_PID
	ok "$what: traffic" pings node 10.66.0.2
	ok "$what: and from the other side" pings mate 10.66.0.1
	ok "$what: reloaded" reloads
	ok "$what: changed by wg" by_wg
	ok "$what: traffic" pings node 10.66.0.2
	ok "$what: rubbish" rubbish
	ok "$what: status" "$WARREN" status "$name"
	kill -TERM "$pid"
	wait_for 15 gone "$pid"
	wait "$pid"
	ok "$what: no leak, exit status 0" sound $? 0 warrend-node || lab_explain warrend-node

	echo '[Interface]
		PrivateKey = no' | lab_conf node
	lab_exec node "$@" "$WARREND" -f "${LAB_OPTIONS[@]}" --config "$LAB_DIR/$name.conf" "$name" >"$LAB_DIR/refused.log" 2>&1
	ok "$what: a bad file, without a leak" sound $? 3 refused || lab_explain refused
	lab_exec mate "$@" "$WARREND" -f "${LAB_OPTIONS[@]}" "$(lab_if mate)" >"$LAB_DIR/second.log" 2>&1
	ok "$what: a second one, without a leak" sound $? 4 second || lab_explain second
	lab_stop "$(lab_warrends mate)" 2>/dev/null
}

if [ -x "$SANITIZED/warrend" ]; then
	WARREND=$SANITIZED/warrend life sanitizers env ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
else
	lab_skip "sanitizers: $SANITIZED/warrend is missing: mkdir -p $SANITIZED && cd $SANITIZED &&" \
		"$LAB_TREE/configure CC=clang --enable-sanitize && make"
fi
if command -v valgrind >/dev/null; then
	life valgrind valgrind --quiet --vgdb=no --leak-check=full --show-leak-kinds=definite,indirect,possible --error-exitcode=9
else
	lab_skip "valgrind is not installed"
fi
lab_done
