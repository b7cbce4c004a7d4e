/* The traps of nat.md section 1, each against a model of who sets it. */
#include "nat/survey.h"

#include "nat_world.h"
#include "support/test.h"

static struct nat_world w;

static const struct natbox_config cone = {
	.mapping = NATBOX_EIM, .filtering = NATBOX_APDF, .ports = NATBOX_RANDOM};
static const struct natbox_config symmetric = {
	.mapping = NATBOX_APDM, .filtering = NATBOX_APDF, .ports = NATBOX_RANDOM};

static struct addr at(const char *text)
{
	struct addr a;

	assert_true(addr_parse(&a, text));
	return a;
}

static void no_servers(void)
{
	w.server_count = w.asked_count = 0;
	w.watch = NULL;
}

static void reset(const struct natbox_config *nat)
{
	nat_world_reset(&w, &(struct nat_world_config){.nat = *nat, .cable = {.delay = MSEC(20)}},
			7);
}

static const struct nat_view *check(const struct natbox_config *nat)
{
	reset(nat);
	return &nat_world_check(&w)->v4;
}

static enum nat_server state_of(size_t line)
{
	return natcheck_report(&w.check)->servers[line].state;
}

/* --- port preservation is not a class ---------------------------------------------------------------------------- */

TEST(a_port_that_changed_is_not_symmetric)
{
	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	assert_int_equal(check(&cone)->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
}

TEST(a_port_that_was_kept_is_not_full_cone)
{
	struct natbox_config c = cone;

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	c.ports = NATBOX_PRESERVE;
	assert_int_equal(check(&c)->ports, NAT_PORTS_PRESERVE);
	assert_int_equal(natcheck_report(&w.check)->v4.filtering,
			 NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
}

TEST(linux_masquerade_is_not_endpoint_independent_once_two_hosts_use_one_port)
{
	struct addr public = at("203.0.113.7:1");
	struct natbox_config c = natbox_linux(&public, NATBOX_INPUT_DROP);
	struct natbox_flow other = {.proto = NATBOX_UDP,
				    .ttl = 64,
				    .src = at("10.66.0.9:51820"),
				    .dst = at("192.0.2.1:3478")};

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "192.0.2.1", NULL);
	c.pool[0].port = 0;
	assert_int_equal(check(&c)->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);

	reset(&c);
	assert_int_equal(natbox_out(&w.nat, &other, w.now), NATBOX_FORWARD);
	const struct nat_view *v = &nat_world_check(&w)->v4;
	assert_int_equal(v->mapping, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
	assert_int_equal(state_of(0), NAT_SERVER_ANSWERED); /* nobody's lie */
	assert_int_equal(state_of(1), NAT_SERVER_ANSWERED);
}

/* A carrier's: towards this server another of its public addresses, with the same port. */
static void pool(struct nat_world *world, struct stun_server *s, const struct addr *from)
{
	(void)world;
	s->faults = STUN_SERVER_LIES;
	s->lie = *from;
	s->lie.ip[3]++;
}

TEST(pooled_public_addresses_with_one_port_do_not_look_symmetric)
{
	no_servers();
	nat_world_add(&w, "192.0.2.1", NULL);
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	w.bend = pool;
	const struct nat_view *v = check(&cone);
	w.bend = NULL;
	assert_true(v->pooled);
	assert_int_equal(v->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
	assert_int_equal(v->public_count, 2);
	assert_int_equal(v->public[0].ip[3], 7); /* three places of four see that */
	assert_int_equal(state_of(0), NAT_SERVER_ANSWERED);
}

TEST(pooled_public_addresses_with_different_ports_do)
{
	struct natbox_config c = symmetric;

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "192.0.2.1", NULL);
	for (int i = 0; i < 4; i++) {
		c.pool[i] = at("203.0.113.7:1");
		c.pool[i].ip[3] = (uint8_t)(7 + i);
	}
	c.pool_count = 4;
	const struct nat_view *v = check(&c);
	assert_true(v->pooled);
	assert_int_equal(v->mapping, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
}

/* --- servers with one address, or that cannot ---------------------------------------------------------------------- */

TEST(a_server_with_one_address_that_sends_other_address_tests_no_filtering)
{
	no_servers();
	nat_world_add(&w, "198.51.100.1", NULL)->faults = STUN_SERVER_CLAIMS_OTHER;
	nat_world_add(&w, "192.0.2.1", NULL);
	for (int filtering = NATBOX_EIF; filtering <= NATBOX_APDF; filtering++) {
		struct natbox_config c = cone;
		c.filtering = (enum natbox_filtering)filtering;
		const struct nat_view *v = check(&c);
		assert_int_equal(v->filtering, NAT_FILTERING_UNKNOWN);
		assert_int_equal(v->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
		assert_int_equal(v->mapping_places, 3); /* its other port was of use */
		assert_int_equal(w.servers[0].changes, 0);
		assert_int_equal(v->took, natcheck_report(&w.check)->v4.took);
	}
}

TEST(servers_that_ignore_refuse_or_drop_change_request_leave_filtering_unknown)
{
	static const unsigned faults[] = {STUN_SERVER_IGNORES_CHANGE, STUN_SERVER_REFUSES_CHANGE,
					  0};

	for (unsigned kinds = 0; kinds < 27; kinds++) {
		struct nat_world_config c = {.nat = cone, .cable = {.delay = MSEC(20)}};
		no_servers();
		nat_world_add(&w, "198.51.100.1", "198.51.100.2")->faults = faults[kinds % 3];
		c.nat.mapping = (enum natbox_mapping)(kinds / 3 % 3);
		c.nat.filtering = (enum natbox_filtering)(kinds / 9);
		c.lost_changes = faults[kinds % 3] == 0;
		nat_world_reset(&w, &c, kinds);
		const struct nat_view *v = &nat_world_check(&w)->v4;
		assert_int_equal(v->filtering, NAT_FILTERING_UNKNOWN);
		assert_int_not_equal(v->mapping, NAT_MAPPING_UNKNOWN);
		assert_true(v->took <= SEC(2));
	}
}

TEST(another_server_that_can_is_asked_instead)
{
	static const unsigned faults[] = {STUN_SERVER_IGNORES_CHANGE, STUN_SERVER_REFUSES_CHANGE};

	for (unsigned i = 0; i < 2; i++) {
		no_servers();
		nat_world_add(&w, "198.51.100.1", "198.51.100.2")->faults = faults[i];
		nat_world_add(&w, "192.0.2.1", "192.0.2.2");
		for (int filtering = NATBOX_EIF; filtering <= NATBOX_APDF; filtering++) {
			struct natbox_config c = cone;
			c.filtering = (enum natbox_filtering)filtering;
			assert_int_equal(check(&c)->filtering,
					 NAT_FILTERING_ENDPOINT_INDEPENDENT + filtering);
			assert_int_equal(natcheck_report(&w.check)->servers[0].two_faces, NAT_NO);
			assert_int_equal(natcheck_report(&w.check)->servers[1].two_faces, NAT_YES);
		}
	}
}

/* Counts what is sent to one address. */
struct counter {
	struct addr to;
	unsigned count;
};

static void count_ip(void *ctx, const struct nat_world *world, const struct packet *p)
{
	struct counter *c = ctx;

	(void)world;
	c->count += addr_same_ip(&p->via.remote, &c->to);
}

TEST(a_stranger_named_as_other_address_gets_few_datagrams)
{
	struct counter victim = {.to = at("203.0.113.200:3479")};

	for (int kinds = 0; kinds < 2; kinds++) {
		no_servers();
		for (int i = 0; i < 3; i++) {
			static const char *const ips[] = {"198.51.100.1", "192.0.2.1", "192.0.2.2"};
			struct stun_server *s = nat_world_add(&w, ips[i], NULL);
			s->faults = STUN_SERVER_CLAIMS_FOREIGN;
			s->lie = victim.to;
		}
		w.watch = count_ip;
		w.watch_ctx = &victim;
		victim.count = 0;
		assert_int_equal(check(kinds ? &symmetric : &cone)->filtering,
				 NAT_FILTERING_UNKNOWN);
		assert_in_range(victim.count, 1, 4);
	}
}

TEST(other_address_must_pass_the_address_filter)
{
	for (size_t i = 0; stun_server_lie(i) != NULL; i++) {
		struct counter victim = {.to = *stun_server_lie(i)};
		no_servers();
		struct stun_server *s = nat_world_add(&w, "198.51.100.1", NULL);
		s->faults = STUN_SERVER_CLAIMS_FOREIGN;
		s->lie = victim.to;
		w.watch = count_ip;
		w.watch_ctx = &victim;
		check(&cone);
		assert_int_equal(victim.count, 0);
	}
}

TEST(other_address_must_have_another_port)
{
	struct counter same = {.to = at("203.0.113.200:3478")};

	no_servers();
	struct stun_server *s = nat_world_add(&w, "198.51.100.1", NULL);
	s->faults = STUN_SERVER_CLAIMS_FOREIGN;
	s->lie = same.to;
	w.watch = count_ip;
	w.watch_ctx = &same;
	check(&cone);
	assert_int_equal(same.count, 0);
}

/* Each question for an answer from elsewhere goes to the server's first address; the door of such a test has sent to nobody else. */
struct fresh {
	struct addr to[NAT_WORLD_DOORS];
	unsigned tests;
};

static void note_tests(void *ctx, const struct nat_world *world, const struct packet *p)
{
	struct fresh *f = ctx;
	struct stun_message m;
	unsigned door = p->via.door;

	(void)world;
	assert_true(stun_read(&m, p->data, p->len));
	if (stun_has(&m, STUN_CHANGE_REQUEST)) {
		struct addr first = at("198.51.100.1:3478");
		assert_true(addr_equal(&p->via.remote, &first));
		f->tests += door >= 2;
	}
	if (door < 2 || world->now > world->started_at + MSEC(800) || door == 4)
		return; /* that one is the hairpin's, too */
	if (addr_is_set(&f->to[door]) && world->opened <= 4)
		assert_true(addr_equal(&f->to[door], &p->via.remote));
	f->to[door] = p->via.remote;
}

TEST(a_door_that_tests_filtering_has_sent_nowhere_else)
{
	struct fresh f = {0};

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "192.0.2.1", NULL);
	w.watch = note_tests;
	w.watch_ctx = &f;
	assert_int_equal(check(&cone)->filtering, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
	assert_int_equal(f.tests, 12); /* two tests, by two doors each, three tries */
}

TEST(doors_that_cannot_be_opened_leave_filtering_unknown_never_filtered)
{
	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	for (int filtering = NATBOX_EIF; filtering <= NATBOX_APDF; filtering++) {
		struct nat_world_config c = {
			.nat = cone, .cable = {.delay = MSEC(20)}, .deaf_doors = true};
		c.nat.filtering = (enum natbox_filtering)filtering;
		nat_world_reset(&w, &c, 3);
		const struct nat_view *v = &nat_world_check(&w)->v4;
		assert_int_equal(v->filtering, NAT_FILTERING_UNKNOWN);
		assert_int_equal(v->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
		assert_int_equal(v->hairpin, NAT_UNKNOWN);
	}
}

/* --- who is who -------------------------------------------------------------------------------------------------- */

TEST(two_names_of_one_host_prove_nothing)
{
	no_servers();
	nat_world_add(&w, "192.0.2.1", NULL);
	nat_world_add(&w, "192.0.2.1", NULL);
	const struct nat_view *v = check(&cone);
	assert_int_equal(state_of(1), NAT_SERVER_TWIN);
	assert_int_equal(v->mapping, NAT_MAPPING_UNKNOWN);
	assert_int_equal(v->mapping_ips, 1);
	assert_int_equal(v->servers_asked, 1);
}

TEST(two_ports_of_one_host_prove_no_independence)
{
	no_servers();
	nat_world_add(&w, "192.0.2.1", NULL);
	w.asked[w.asked_count++] = at("192.0.2.1:3479");
	assert_int_equal(check(&cone)->mapping, NAT_MAPPING_UNKNOWN);
	assert_int_equal(check(&symmetric)->mapping, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
}

TEST(local_equals_mapped_is_no_nat_but_filtering_is_tested)
{
	struct natbox_config c = {.mapping = NATBOX_NO_NAT, .filtering = NATBOX_ADF};

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	const struct nat_view *v = check(&c);
	assert_int_equal(v->mapping, NAT_MAPPING_NONE);
	assert_int_equal(v->filtering, NAT_FILTERING_ADDRESS_DEPENDENT);
	assert_int_equal(v->double_nat, NAT_NO);
	assert_int_equal(v->hairpin, NAT_UNKNOWN); /* was not asked */
}

TEST(without_our_own_addresses_no_nat_is_not_claimed)
{
	struct nat_world_config c = {
		.nat = {.mapping = NATBOX_NO_NAT}, .cable = {.delay = MSEC(20)}, .no_host = true};

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_reset(&w, &c, 1);
	assert_int_equal(nat_world_check(&w)->v4.mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
}

TEST(our_ip_with_another_port_is_a_nat)
{
	struct nat_world_config c = {
		.nat = {.mapping = NATBOX_NO_NAT}, .cable = {.delay = MSEC(20)}, .told_port = 4444};

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_reset(&w, &c, 1);
	assert_int_equal(nat_world_check(&w)->v4.mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
}

TEST(ports_that_look_like_a_block_are_asked_for_four_more)
{
	struct natbox_config c = cone;

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	c.ports = NATBOX_BLOCK;
	c.block_len = 4096;
	assert_int_equal(check(&c)->ports, NAT_PORTS_BLOCK);
	assert_int_equal(natcheck_report(&w.check)->v4.port_samples, 9);
	assert_int_equal(w.opened, 8);
	c.ports = NATBOX_RANDOM;
	assert_int_equal(check(&c)->port_samples, 5);
	assert_int_equal(w.opened, 4);
}

TEST(dependent_mappings_give_twelve_samples)
{
	struct natbox_config c = symmetric;

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	for (int mapping = NATBOX_ADM; mapping <= NATBOX_APDM; mapping++) {
		c.mapping = (enum natbox_mapping)mapping;
		assert_in_range(check(&c)->port_samples, 12, EVIDENCE_MAX);
	}
}

/* Loses questions for answers from elsewhere in the first 150 ms. */
static void lose_early(void *ctx, const struct nat_world *world, const struct packet *p)
{
	(void)ctx;
	(void)p;
	w.config.lost_changes = world->now < world->started_at + MSEC(150);
}

TEST(the_next_server_waits_until_the_hairpin_needs_no_door)
{
	struct natbox_config c = cone;

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2")->faults = STUN_SERVER_IGNORES_CHANGE;
	nat_world_add(&w, "192.0.2.1", "192.0.2.2");
	w.watch = lose_early;
	c.hairpin = NATBOX_HAIRPIN_EXTERNAL;
	const struct nat_view *v = check(&c);
	assert_int_equal(v->hairpin, NAT_YES);
	assert_int_equal(v->filtering, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
}

TEST(a_nearer_server_that_sees_another_address_tells_of_a_second_nat)
{
	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	struct stun_server *near = nat_world_add(&w, "100.64.0.1", NULL);
	near->faults =
		STUN_SERVER_LIES; /* it stands between two NATs, of which the model has one */
	near->lie = at("100.64.3.7:40000");
	const struct nat_view *v = check(&cone);
	assert_int_equal(v->double_nat, NAT_YES);
	assert_int_equal(v->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
	assert_int_equal(state_of(1), NAT_SERVER_ANSWERED);
	near->lie = at("10.66.0.2:51820"); /* our own: no NAT up to it */
	assert_int_equal(check(&cone)->double_nat, NAT_UNKNOWN);
	near->lie = at("203.0.113.8:40000"); /* a public one: another way out, not a second NAT */
	assert_int_equal(check(&cone)->double_nat, NAT_UNKNOWN);
}

TEST(hairpin_is_found_with_every_filter_and_denied_only_when_it_was_proved)
{
	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	for (unsigned kinds = 0; kinds < 9; kinds++) {
		struct natbox_config c = cone;
		c.filtering = (enum natbox_filtering)(kinds % 3);
		c.hairpin = (enum natbox_hairpin)(kinds / 3);
		assert_int_equal(check(&c)->hairpin,
				 c.hairpin == NATBOX_HAIRPIN_NONE ? NAT_NO : NAT_YES);
	}
	assert_int_equal(check(&symmetric)->hairpin, NAT_UNKNOWN);
}

/* --- lies -------------------------------------------------------------------------------------------------------- */

/* One that lies among honest ones, or alone. */
static void liar(const struct addr *lie)
{
	struct stun_server *s = nat_world_add(&w, "198.51.100.66", NULL);

	s->faults = STUN_SERVER_LIES;
	s->lie = *lie;
}

TEST(f19_vuln_01_vuln_02_vuln_03_vuln_05_vuln_39_no_disguise_of_an_address_is_believed)
{
	for (size_t i = 0; stun_server_lie(i) != NULL; i++) {
		no_servers();
		liar(stun_server_lie(i));
		const struct nat_view *v = check(&cone);
		assert_int_equal(state_of(0), NAT_SERVER_LIES);
		assert_int_equal(v->public_count, 0);
		assert_int_equal(v->mapping, NAT_MAPPING_UNKNOWN);
		assert_int_equal(v->blocked, NAT_NO); /* that much it tells */
		assert_int_equal(w.opened, 0);        /* and was not asked again */
	}
}

TEST(f19_an_address_of_the_other_family_is_not_believed)
{
	struct addr lie = at("[2001:db8::1]:40000");

	no_servers();
	liar(&lie);
	assert_int_equal(check(&cone)->public_count, 0);
	assert_int_equal(state_of(0), NAT_SERVER_LIES);
	assert_int_equal(w.opened, 0);
}

TEST(f19_one_liar_spoils_nothing)
{
	struct addr lies[64];
	size_t count = 0;

	for (size_t i = 0; stun_server_lie(i) != NULL; i++)
		lies[count++] = *stun_server_lie(i);
	lies[count++] = at("203.0.113.200:40000"); /* plausible */
	lies[count++] = at("203.0.113.7:40000");   /* even more so */
	lies[count++] = at("[2001:db8::1]:40000");

	for (size_t i = 0; i < count; i++) {
		for (int kinds = 0; kinds < 3; kinds++) {
			struct natbox_config c = kinds == 1 ? symmetric : cone;
			c.ports = kinds == 2 ? NATBOX_PRESERVE : c.ports;
			no_servers();
			liar(&lies[i]);
			nat_world_add(&w, "198.51.100.1", "198.51.100.2");
			nat_world_add(&w, "192.0.2.1", NULL);
			const struct nat_view *v = check(&c);
			assert_int_equal(state_of(0), NAT_SERVER_LIES);
			assert_int_equal(v->mapping,
					 kinds == 1 ? NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT
						    : NAT_MAPPING_ENDPOINT_INDEPENDENT);
			assert_int_equal(v->filtering, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
		}
	}
}

TEST(f19_a_plausible_liar_with_two_addresses_is_found_out_by_fresh_doors)
{
	no_servers();
	struct stun_server *s = nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	s->faults = STUN_SERVER_LIES;
	s->lie = at("203.0.113.200:40000");
	const struct nat_view *v = check(&cone);
	assert_int_equal(state_of(0), NAT_SERVER_LIES);
	assert_int_equal(v->mapping, NAT_MAPPING_UNKNOWN);
	assert_int_equal(v->public_count, 0);
}

/* What this server hears has passed one more NAT, whose own mappings it tells us. */
static void translate(struct nat_world *world, struct stun_server *s, const struct addr *from)
{
	(void)world;
	s->faults = STUN_SERVER_LIES;
	s->lie = *from;
	s->lie.ip[3] = 99;
	s->lie.port ^= 0x5555;
}

TEST(f19_what_differs_everywhere_from_all_others_is_alone)
{
	no_servers();
	nat_world_add(&w, "192.0.2.66", NULL);
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "192.0.2.1", NULL);
	w.bend = translate;
	const struct nat_view *v = check(&cone);
	w.bend = NULL;
	assert_int_equal(state_of(0), NAT_SERVER_ALONE);
	assert_int_equal(v->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
	assert_int_equal(v->public_count, 1);
}

/* --- no answers -------------------------------------------------------------------------------------------------- */

TEST(f20_silent_servers_are_blocked_udp_if_there_are_two)
{
	no_servers();
	nat_world_add(&w, "192.0.2.1", NULL)->faults = STUN_SERVER_SILENT;
	assert_int_equal(check(&cone)->blocked, NAT_UNKNOWN);
	nat_world_add(&w, "192.0.2.2", NULL)->faults = STUN_SERVER_SILENT;
	const struct nat_view *v = check(&cone);
	assert_int_equal(v->blocked, NAT_YES);
	assert_int_equal(v->servers_answered, 0);
	assert_int_equal(v->mapping, NAT_MAPPING_UNKNOWN);
	assert_true(v->took <= MSEC(1500));
}

TEST(a_nat_that_blocks_udp_is_told)
{
	struct natbox_config c = cone;

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "192.0.2.1", NULL);
	c.udp_blocked = true;
	assert_int_equal(check(&c)->blocked, NAT_YES);
	assert_int_equal(w.opened, 0);
}

TEST(f20_errors_and_slow_servers_do_not_keep_the_others_from_a_verdict)
{
	static const uint16_t errors[] = {300, 400, 401, 420, 500, 699};

	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		no_servers();
		struct stun_server *s = nat_world_add(&w, "192.0.2.66", "192.0.2.67");
		s->faults = STUN_SERVER_ERROR;
		s->error = errors[i];
		s->lie = at("127.0.0.1:3478");
		nat_world_add(&w, "192.0.2.68", NULL)->delay = SEC(2);
		nat_world_add(&w, "198.51.100.1", "198.51.100.2");
		const struct nat_view *v = check(&cone);
		assert_int_equal(state_of(0), NAT_SERVER_REFUSED);
		assert_int_equal(state_of(1), NAT_SERVER_ASKED);
		assert_int_equal(v->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT);
		assert_int_equal(v->filtering, NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
		assert_true(v->took <= MSEC(1500));
	}
}

TEST(every_fault_of_a_server_ends_in_a_verdict_or_unknown_never_a_wrong_one)
{
	for (unsigned fault = 0; fault < 24; fault++) {
		for (unsigned beside = 0; beside < 2; beside++) {
			no_servers();
			struct stun_server *s = nat_world_add(&w, "198.51.100.1", "198.51.100.2");
			s->faults = 1u << fault;
			s->lie = at("203.0.113.200:40000");
			s->lie_from = at("203.0.113.201:3478");
			s->error = 500;
			if (beside)
				nat_world_add(&w, "192.0.2.1", "192.0.2.2");
			const struct nat_view *v = check(&cone);
			assert_true(v->mapping == NAT_MAPPING_UNKNOWN ||
				    v->mapping == NAT_MAPPING_ENDPOINT_INDEPENDENT);
			assert_true(v->filtering == NAT_FILTERING_UNKNOWN ||
				    v->filtering == NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
			assert_true(!beside || v->filtering != NAT_FILTERING_UNKNOWN);
			assert_int_not_equal(v->blocked, NAT_YES);
		}
	}
}

TEST(a_far_server_is_waited_for)
{
	static const usec delays[] = {MSEC(50), MSEC(150), MSEC(250)};

	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
		for (unsigned kinds = 0; kinds < 9; kinds++) {
			struct nat_world_config c = {
				.nat = cone,
				.cable = {.delay = delays[i]},
			};
			c.nat.mapping = (enum natbox_mapping)(kinds % 3);
			c.nat.filtering = (enum natbox_filtering)(kinds / 3);
			nat_world_reset(&w, &c, kinds);
			const struct nat_view *v = &nat_world_check(&w)->v4;
			assert_int_equal(v->mapping, NAT_MAPPING_ENDPOINT_INDEPENDENT + kinds % 3);
			assert_int_equal(v->filtering,
					 NAT_FILTERING_ENDPOINT_INDEPENDENT + kinds / 3);
		}
	}
}

TEST(f45_two_seconds_away_is_unknown_and_not_wrong)
{
	no_servers();
	nat_world_add(&w, "198.51.100.1", "198.51.100.2");
	nat_world_add(&w, "192.0.2.1", NULL);
	for (usec delay = MSEC(300); delay <= MSEC(1500); delay += MSEC(50)) {
		struct nat_world_config c = {.nat = cone, .cable = {.delay = delay}};
		nat_world_reset(&w, &c, (uint64_t)delay);
		const struct nat_view *v = &nat_world_check(&w)->v4;
		assert_true(v->mapping == NAT_MAPPING_UNKNOWN ||
			    v->mapping == NAT_MAPPING_ENDPOINT_INDEPENDENT);
		assert_true(v->filtering == NAT_FILTERING_UNKNOWN ||
			    v->filtering == NAT_FILTERING_ADDRESS_AND_PORT_DEPENDENT);
		assert_true(v->took <= NATCHECK_DEADLINE);
	}
}

static int set_up(void **state)
{
	(void)state;
	nat_world_init(&w);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	nat_world_free(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_port_that_changed_is_not_symmetric),
		RUN(a_port_that_was_kept_is_not_full_cone),
		RUN(linux_masquerade_is_not_endpoint_independent_once_two_hosts_use_one_port),
		RUN(pooled_public_addresses_with_one_port_do_not_look_symmetric),
		RUN(pooled_public_addresses_with_different_ports_do),
		RUN(a_server_with_one_address_that_sends_other_address_tests_no_filtering),
		RUN(servers_that_ignore_refuse_or_drop_change_request_leave_filtering_unknown),
		RUN(another_server_that_can_is_asked_instead),
		RUN(a_stranger_named_as_other_address_gets_few_datagrams),
		RUN(other_address_must_pass_the_address_filter),
		RUN(other_address_must_have_another_port),
		RUN(a_door_that_tests_filtering_has_sent_nowhere_else),
		RUN(doors_that_cannot_be_opened_leave_filtering_unknown_never_filtered),
		RUN(two_names_of_one_host_prove_nothing),
		RUN(two_ports_of_one_host_prove_no_independence),
		RUN(local_equals_mapped_is_no_nat_but_filtering_is_tested),
		RUN(without_our_own_addresses_no_nat_is_not_claimed),
		RUN(our_ip_with_another_port_is_a_nat),
		RUN(ports_that_look_like_a_block_are_asked_for_four_more),
		RUN(dependent_mappings_give_twelve_samples),
		RUN(the_next_server_waits_until_the_hairpin_needs_no_door),
		RUN(a_nearer_server_that_sees_another_address_tells_of_a_second_nat),
		RUN(hairpin_is_found_with_every_filter_and_denied_only_when_it_was_proved),
		RUN(f19_vuln_01_vuln_02_vuln_03_vuln_05_vuln_39_no_disguise_of_an_address_is_believed),
		RUN(f19_an_address_of_the_other_family_is_not_believed),
		RUN(f19_one_liar_spoils_nothing),
		RUN(f19_a_plausible_liar_with_two_addresses_is_found_out_by_fresh_doors),
		RUN(f19_what_differs_everywhere_from_all_others_is_alone),
		RUN(f20_silent_servers_are_blocked_udp_if_there_are_two),
		RUN(a_nat_that_blocks_udp_is_told),
		RUN(f20_errors_and_slow_servers_do_not_keep_the_others_from_a_verdict),
		RUN(every_fault_of_a_server_ends_in_a_verdict_or_unknown_never_a_wrong_one),
		RUN(a_far_server_is_waited_for),
		RUN(f45_two_seconds_away_is_unknown_and_not_wrong),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
