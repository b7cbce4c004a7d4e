#!/bin/bash
# What a packet costs the host: the daemon's system calls under load, counted from outside, and its log. Beyond the one read or write
# that the TUN asks for each packet or super-packet, calls are shared by many. dataplane.md.
. "$(dirname "$0")/../lab"

command -v strace >/dev/null || { lab_skip "strace is not installed"; lab_done; exit; }
lab_host sender receiver
lab_link sender receiver
lab_addr sender receiver 192.0.2.1/24
lab_addr receiver sender 192.0.2.2/24
lab_keys sender receiver
declare -A pid lines

# count_calls HOST: how many its daemon made until stop_counting HOST
count_calls() {
	lines[$1]=$(wc -l <"$LAB_DIR/warrend-$1.log")
	lab_spawn "$1" "strace-$1" strace -c -f -U calls,name -o "$LAB_DIR/calls-$1" -p "${pid[$1]}"
	tracer=$LAB_PID
	wait_for 5 grep -q "attached" "$LAB_DIR/strace-$1.log"
}

stop_counting() {
	lab_stop "$tracer" INT
	calls=$(awk '$2 == "total" {print $1}' "$LAB_DIR/calls-$1")
	head -n 12 "$LAB_DIR/calls-$1"
}

# Packets that the sender's daemon was handed by its interface.
passed() {
	lab_exec sender ip -j -s link show "$(lab_if sender)" | jq ".[0].stats64.tx.packets"
}

# few MOST-PER-HUNDRED PACKETS: $calls, and nothing was logged
few() {
	echo "$calls calls for $2 packets"
	[ "$2" -gt 1000 ] && [ $((calls * 100)) -le $(($1 * $2)) ]
}

silent() {
	[ "$(wc -l <"$LAB_DIR/warrend-$1.log")" -eq "${lines[$1]}" ]
}

# udp MOST-PER-HUNDRED HOST: 100 bytes each, while that host's daemon is counted
udp() {
	local before after
	count_calls "$2" || return 1
	before=$(passed)
	lab_exec sender iperf3 -c 10.66.0.2 -p 5201 -u -b 0 -l 100 -t 1 -C cubic >"$LAB_DIR/iperf" 2>&1
	after=$(passed)
	stop_counting "$2"
	few "$1" $((after - before)) && silent "$2"
}

# tcp HOST
tcp() {
	local bytes
	count_calls "$1" || return 1
	bytes=$(lab_exec sender iperf3 -c 10.66.0.2 -p 5201 -t 1 -C cubic -J | jq '.end.sum_received.bytes')
	stop_counting "$1"
	few 20 $((bytes / 1348)) && silent "$1"
}

lab_pair_conf sender 10.66.0.1/24 receiver 10.66.0.2/32 192.0.2.2:51820
lab_pair_conf receiver 10.66.0.2/24 sender 10.66.0.1/32 192.0.2.1:51820
lab_warrend sender
pid[sender]=$LAB_PID
lab_warrend receiver
pid[receiver]=$LAB_PID
ok "two nodes are joined" pings sender 10.66.0.2
lab_spawn receiver iperf3 iperf3 -s -p 5201 -B 10.66.0.2
wait_for 5 lab_exec receiver bash -c 'exec 3<>/dev/tcp/10.66.0.2/5201'

ok "small packets cost their sender hardly more than one call each" udp 120 sender
sed 's/^/# /' "$LAB_DIR/.out"
ok "and their receiver less than one, for it joins them" udp 80 receiver
sed 's/^/# /' "$LAB_DIR/.out"
ok "of TCP at least five share one of the sender's" tcp sender
sed 's/^/# /' "$LAB_DIR/.out"
ok "and of the receiver's" tcp receiver
sed 's/^/# /' "$LAB_DIR/.out"
lab_done
