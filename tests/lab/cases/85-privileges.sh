#!/bin/bash
# Root is given up, for good, and what took root still works; sockets have the right owners and are gone at the end, however it
# comes; the service manager is told. interface.md, section 1; reliability.md, 3.1, F70, vuln_33, vuln_52.
# It has a /run of its own: who owns /run/warren depends on who lives there.
if [ -z "${LAB_OWN_RUN-}" ]; then
	LAB_OWN_RUN=1 exec unshare --mount bash "$0" "$@"
fi
mount -t tmpfs -o mode=755 tmpfs /run || exit 1
. "$(dirname "$0")/../lab"

lab_host node mate
lab_link node mate
lab_addr node mate 192.0.2.1/24
lab_addr mate node 192.0.2.2/24
lab_keys node mate next
name=$(lab_if node)
uapi=/var/run/wireguard/$name.sock
control=/run/warren/$name.sock

# refused STATUS SENTENCE COMMAND...
refused() {
	lab_exits node "$1" "${@:3}" && grep -F "$2" "$LAB_DIR/exits.log"
}

# daemon [OPTION...]: without a file, in the foreground, as LAB_PREFIX says; its process is $pid.
daemon() {
	local status
	rm -rf "$LAB_DIR/state" # it is of the user who came first
	LAB_OPTIONS=("$@")
	lab_bare node "${LAB_PREFIX[@]}"
	status=$?
	pid=$LAB_PID
	return $status
}
LAB_PREFIX=()

stops() {
	lab_stop "$@" && lab_nothing_left node && [ -z "$(sweeper_of "$1")" ]
}

# field PID NAME: a line of /proc/PID/status
field() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '
}

# is_user PID NAME: really, effectively, saved and in file access; and its one group
is_user() {
	local uid gid
	uid=$(id -u "$2") gid=$(id -g "$2")
	echo "$(field "$1" Uid), $(field "$1" Gid), $(field "$1" Groups)"
	[ "$(field "$1" Uid)" = "$uid $uid $uid $uid" ] && [ "$(field "$1" Gid)" = "$gid $gid $gid $gid" ] &&
		[ -z "$(field "$1" Groups | tr -d ' ')" ]
}

# has_only_two PID: CAP_NET_BIND_SERVICE (10) and CAP_NET_ADMIN (12), and no way to more, in each of its threads
has_only_two() {
	local thread
	for thread in /proc/"$1"/task/*; do
		thread=${thread#/proc/}
		grep -E 'Cap|NoNew' "/proc/$thread/status"
		[ "$(field "$thread" CapEff)" = 0000000000001400 ] && [ "$(field "$thread" CapPrm)" = 0000000000001400 ] &&
			[ "$(field "$thread" CapInh)$(field "$thread" CapBnd)$(field "$thread" CapAmb)" = "$(printf '0%.0s' {1..48})" ] &&
			[ "$(field "$thread" NoNewPrivs)" = 1 ] || return
	done
}

# is_confined PID: its system calls go through a filter
is_confined() {
	field "$1" Seccomp && [ "$(field "$1" Seccomp)" = 2 ]
}

# asks USER GROUP [SOCKET]: a request on the control socket
asks() {
	echo '{"cmd":"status"}' |
		setpriv --reuid "$1" --regid "$2" --clear-groups socat -t 2 - "UNIX-CONNECT:${3-$control}" | grep -F warren.status
}

# owns FILE MODE USER GROUP
owns() {
	stat -c '%a %U %G' "$1" && [ "$(stat -c '%a %U %G' "$1")" = "$2 $3 $4" ]
}

# --- the drop ---------------------------------------------------------------------------------------------------------

lab_pair_conf node 10.66.0.1/24 mate 10.66.0.2/32 192.0.2.2:51820 'MTU = 1380'
lab_pair_conf mate 10.66.0.2/24 node 10.66.0.1/32 192.0.2.1:51820 'MTU = 1380'
ok "a daemon alone" daemon --user nobody --config "$LAB_DIR/$name.conf"
ok "has the folder of its socket for itself" owns /run/warren 750 nobody nogroup
LAB_OPTIONS=(--user daemon)
ok "the mate is up, as another user" lab_warrend mate
ok "now the folder is root's, and open" owns /run/warren 755 root root
ok "the mate's socket is the mate's" owns "/run/warren/$(lab_if mate).sock" 660 daemon daemon
ok "the first is reached by its group" asks daemon nogroup "$control"
ok "the second by its own" asks nobody daemon "/run/warren/$(lab_if mate).sock"
ok "and neither by the other's" eval \
	'! asks daemon daemon "$control" && ! asks nobody nogroup "/run/warren/$(lab_if mate).sock"'
ok "the first can go" stops "$pid"
LAB_PREFIX=(setpriv --groups 4,27)
for user in nobody daemon; do
	group=$(id -gn $user)
	ok "--user $user, with a file that only root may read" daemon --user $user --config "$LAB_DIR/$name.conf"
	ok "$user: the process that was started has the device" eval \
		'[ "$(cat /proc/$pid/comm)" = warrend ] && ls -l /proc/$pid/fd | grep -F /dev/net/tun'
	ok "$user: user and group, no others" is_user "$pid" $user
	ok "$user: two capabilities, no new privileges" has_only_two "$pid"
	ok "$user: vuln_33: its system calls are filtered" is_confined "$pid"
	ok "$user: its sweeper stays root, and has one descriptor" eval \
		'is_user "$(sweeper_of $pid)" root; ls -l "/proc/$(sweeper_of $pid)/fd" | tee /dev/stderr | grep -c -- "->" | grep -qx 1'
	ok "$user: the control socket is the user's and the group's" owns "$control" 660 $user "$group"
	if [ $user = daemon ]; then
		ok "$user: and their folder, there being no other" owns /run/warren 750 daemon daemon
	else
		ok "$user: their folder is root's, because of the mate" owns /run/warren 755 root root
	fi
	ok "$user: the UAPI socket is root's" owns "$uapi" 600 root root
	ok "$user: and its folder" owns /run/wireguard 755 root root
	ok "$user: the state folder is the user's alone" owns "$STATE_DIRECTORY" 700 $user "$group"
	ok "$user: traffic" pings node 10.66.0.2
	ok "$user: SIGTERM: 0, and nothing is left" stops "$pid"
	ok "$user: but its state" owns "$STATE_DIRECTORY/$name.state" 600 $user "$group"
done

# --- after the drop ---------------------------------------------------------------------------------------------------

LAB_PREFIX=()
daemon --user daemon --config "$LAB_DIR/$name.conf"
ok "vuln_33: the daemon could not run a program if it wanted to" eval \
	'! nm -D --undefined-only "$WARREND" | tee /dev/stderr | grep -E "exec|spawn|popen|system|dlopen"'
ok "vuln_52: the control socket answers the group" asks nobody daemon
ok "vuln_52: the user" asks daemon nogroup
ok "vuln_52: and nobody else" eval '! asks nobody nogroup'
ok "vuln_52: the UAPI socket, which tells keys, does not even answer the user" eval \
	'! printf "get=1\n\n" | setpriv --reuid daemon --regid daemon --clear-groups socat -t 2 - "UNIX-CONNECT:$uapi" | grep .'
ok "wg sets listen-port 443" eval 'wg set "$name" listen-port 443 && [ "$(wg show "$name" listen-port)" = 443 ]'
ok "and it is open" eval 'lab_exec node ss -Hlun sport = 443 | tee /dev/stderr | grep -c : | grep -qx 2'
ok "with its large buffers" eval 'lab_exec node ss -Hlunm sport = 443 | tee /dev/stderr | grep -c rb8388608 | grep -qx 2'
ok "traffic from there" pings node 10.66.0.2
lab_exec node nft -f - <<-END
	table inet marks {
		chain out {
			type filter hook output priority filter
			udp sport 443 meta mark 51 counter name "marked"
		}
		counter marked { }
	}
END
marked() {
	lab_exec node nft list counter inet marks marked | tee /dev/stderr | grep -v 'packets 0 ' | grep packets
}
ok "wg sets a firewall mark" wg set "$name" fwmark 51
ok "its packets have it" eval 'pings node 10.66.0.2 && marked'
ok "and off again" eval 'wg set "$name" fwmark off && pings node 10.66.0.2'
ok "a port with a mark at once" eval 'wg set "$name" listen-port 444 fwmark 52 && pings node 10.66.0.2'
sed -i 's/^Address.*/&, 10.66.8.1\/24/' "$LAB_DIR/$name.conf"
ok "a reload adds an address" eval \
	'"$WARREN" reload "$LAB_DIR/$name.conf" && lab_exec node ip address show dev "$name" | grep 10.66.8.1'
ok "by nobody who may do more" eval 'is_user "$pid" daemon && has_only_two "$pid"'
ok "an address by ip" eval 'lab_exec node ip address add 10.66.9.1/24 dev "$name" && lab_exec node ip address show dev "$name" | grep 10.66.9.1'
ok "its private key is in its memory once" eval '[ "$("$LAB_TREE/tests/lab/scan" $pid "$(key_of node)")" = 1 ]'
ok "and not in the sweeper's" eval '[ "$("$LAB_TREE/tests/lab/scan" $(sweeper_of $pid) "$(key_of node)")" = 0 ]'
ok "another key" eval 'wg set "$name" private-key "$LAB_DIR/next.key" && [ "$(wg show "$name" public-key)" = "$(pub_of next)" ]'
ok "the old one is gone from memory" eval '[ "$("$LAB_TREE/tests/lab/scan" $pid "$(key_of node)")" = 0 ]'
ok "nothing went wrong" eval '! grep -E "error|warning" "$LAB_DIR/warrend-node.log"'
ok "SIGTERM: 0; routes and addresses went with the device" stops "$pid"

lab_exec node ip tuntap add dev "$name" mode tun
daemon --user daemon --config "$LAB_DIR/$name.conf"
ok "a device that was there before" eval 'lab_exec node ip route show dev "$name" | grep 10.66'
lab_stop "$pid"
ok "stays, without routes and addresses" eval \
	'lab_exec node ip link show "$name" && [ -z "$(lab_exec node ip route show dev "$name")" ] &&
	! lab_exec node ip address show dev "$name" | grep inet'
lab_exec node ip link del "$name"

# --- ends -------------------------------------------------------------------------------------------------------------

daemon --user nobody
kill -KILL "$pid"
wait "$pid" 2>/dev/null
ok "SIGKILL: no socket is left" wait_for 2 lab_no_socket node
daemon --user nobody
lab_exec node ip link del "$name"
ok "its link deleted: 0, no socket is left" eval 'wait_for 1 gone $pid && wait $pid && lab_nothing_left node'
daemon --user nobody && rm "$uapi"
ok "its UAPI socket removed: 0, and the other is gone" eval 'wait_for 1 gone $pid && wait $pid && lab_nothing_left node'
daemon --user nobody
kill -TERM "$(sweeper_of "$pid")" "$pid"
ok "SIGTERM to both, as a service manager does it: 0, no socket is left" eval 'wait_for 1 gone $pid && wait $pid && lab_nothing_left node'
ok "in the background" eval 'lab_exits node 0 "$WARREND" --user nobody "$name" && [ -S "$uapi" ] && "$WARREN" status "$name"'
pid=$(lab_warrends node)
ok "there, too, the drop" eval 'is_user "$pid" nobody && has_only_two "$pid"'
kill -TERM "$pid"
ok "and the end" wait_for 2 lab_nothing_left node
ok "started with a handed-over device" eval \
	'LAB_PREFIX=("$LAB_TREE/tests/lab/handover" --vnet-tun "$name" --uapi "$uapi"); daemon --user nobody && wg show "$name"'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
ok "killed: neither device nor socket is left" wait_for 2 lab_nothing_left node

# --- who may, and who not ---------------------------------------------------------------------------------------------

LAB_PREFIX=()
daemon --user nobody
ok "F70: a second instance: 4, in a sentence" refused 4 'in use by another' "$WARREND" -f --user nobody "$name"
ok "F70: another user's, too" refused 4 'in use by another' "$WARREND" -f --user root "$name"
ok "F70: in another namespace" lab_exits mate 4 "$WARREND" -f --user nobody "$name"
ok "F70: the first lives on" eval 'wg show "$name" && "$WARREN" status "$name"'
kill -KILL "$(sweeper_of "$pid")"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
ok "F70: killed together with its sweeper, it leaves sockets" test -S "$uapi" -a -S "$control"
ok "F70: which the next one replaces, as another user" daemon --user daemon
ok "F70: and owns" owns "$control" 660 daemon daemon
kill -KILL "$(sweeper_of "$pid")"
ok "without its sweeper it stops as well: 0" lab_stop "$pid"
ok "F70: what it could not remove is replaced by root's" daemon --user root
ok "vuln_33: root's system calls are filtered, too" is_confined "$pid"
ok "--user root: stays root, and says nothing" eval '[ "$(field $pid Uid)" = "0 0 0 0" ] && ! grep -F "stays root" "$LAB_DIR/warrend-node.log"'
ok "its sockets are root's" eval 'owns "$control" 660 root root && owns /run/warren 755 root root'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
ok "killed, it leaves no socket either" wait_for 2 lab_no_socket node
if id warren >/dev/null 2>&1; then
	lab_skip "there is a user warren here"
else
	ok "no user warren: stays root" daemon
	ok "and says so" grep -F 'there is no user warren' "$LAB_DIR/warrend-node.log"
	lab_stop "$pid"
fi
ok "a user that does not exist: 2" refused 2 'no user wr-nobody' "$WARREND" -f --user wr-nobody "$name"
ok "root that may not empty its bounding set: 1" refused 1 'cannot become the user nobody' \
	setpriv --bounding-set=-setpcap --inh-caps=-setpcap "$WARREND" -f --user nobody "$name"
ok "root that may not change its user: 1" lab_exits node 1 \
	setpriv --bounding-set=-setuid --inh-caps=-setuid "$WARREND" -f --user nobody "$name"
ok "and nothing is left" lab_nothing_left node

# A unit with ambient capabilities and folders made for it.
chown nobody:nogroup /run/warren
unprivileged=(setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps +net_admin,+net_bind_service
	--ambient-caps +net_admin,+net_bind_service)
LAB_PREFIX=("$LAB_TREE/tests/lab/handover" --vnet-tun "$name" "$(command -v setpriv)" "${unprivileged[@]:1}")
mkdir -p /run/wireguard && chown nobody:nogroup /run/wireguard
cat "$WARREND" >/run/warrend && chmod 755 /run/warrend # where nobody can reach it
WARREND=/run/warrend
ok "started without root" eval 'daemon && wg show "$name"'
ok "there is no sweeper, and no need of one" eval '[ -z "$(sweeper_of $pid)" ]'
ok "may use low ports" wg set "$name" listen-port 445
ok "SIGTERM: 0, and nothing is left" stops "$pid"
ok "cannot become another user: 1" refused 1 'cannot become the user daemon' "${unprivileged[@]}" "$WARREND" -f --user daemon "$name"
LAB_PREFIX=()
rm -r /run/wireguard

# --- readiness --------------------------------------------------------------------------------------------------------

# manager RECEIVER: a service manager that writes down what it reads
manager() {
	lab_spawn node manager socat -u "$1" CREATE:"$LAB_DIR/told"
	manager=$LAB_PID
	wait_for 2 lab_exec node grep -F "${1#*:}" /proc/net/unix
}

# told TEXT: all of it, in this order
told() {
	wait_for 1 told_now "$1" || { cat "$LAB_DIR/told" && false; }
}

told_now() {
	[ "$(cat "$LAB_DIR/told")" = "$1" ]
}

listening="READY=1
STATUS=$name is listening on port"
manager "UNIX-RECV:$LAB_DIR/notify"
LAB_PREFIX=(env NOTIFY_SOCKET="$LAB_DIR/notify")
daemon --user nobody --config "$LAB_DIR/$name.conf"
ok "told when it is ready" told "$listening 51820"
kill -TERM "$pid"
wait "$pid"
ok "and that it stops" told "$listening 51820STOPPING=1
STATUS=stopping"
lab_stop "$manager"

manager "ABSTRACT-RECV:$name"
LAB_PREFIX=(env "NOTIFY_SOCKET=@$name")
daemon --user nobody --config "$LAB_DIR/$name.conf"
ok "an abstract socket" told "$listening 51820"
lab_stop "$pid"
lab_stop "$manager"

# fatal WHAT SENTENCE STATUS ARGUMENT...
fatal() {
	local what=$1 sentence=$2 status=$3
	shift 3
	rm -f "$LAB_DIR/notify"
	manager "UNIX-RECV:$LAB_DIR/notify"
	ok "$what: $status" lab_exits node "$status" env NOTIFY_SOCKET="$LAB_DIR/notify" "$@"
	ok "$what: why" told "STATUS=$sentence"
	lab_stop "$manager"
}
fatal "no TUN device" "cannot make the TUN device $name: Operation not permitted" 1 \
	setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$WARREND" -f "$name"
fatal "in the background" "cannot make the TUN device $name: Operation not permitted" 1 \
	setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$WARREND" "$name"
fatal "wrong usage" "wrong arguments or environment" 2 "$WARREND" --colour
fatal "a bad file" "the configuration has errors" 3 "$WARREND" -f --config /dev/null "$name"
LAB_PREFIX=()
daemon --user nobody
fatal "a second one" "$name is in use by another program" 4 "$WARREND" -f "$name"
fatal "also when the log is silent" "another instance lives" 4 env LOG_LEVEL=silent "$WARREND" -f "$name"
ok "SIGTERM: 0, and nothing is left" stops "$pid"
[ $LAB_FAILED -eq 0 ] || lab_explain warrend-node warrend-mate
lab_done
