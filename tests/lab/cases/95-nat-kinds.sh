#!/bin/bash
# What a node behind each kind of NAT finds out, and whether programs of others say the same. nat.md, section 1.
exec bash "$(dirname "$0")/../nat-kinds" --tap ${LAB_FULL:+--runs=20}
