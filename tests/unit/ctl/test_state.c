/* The state file's text: there and back, and whatever else may lie in its place. */
#include "ctl/state.h"

#include "crypto/crypto.h"
#include "support/test.h"

#define SELF "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define PEER "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define HEAD "warren.state/1\nself " SELF "\n"

static const struct key_public self = {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
static struct past past;
static struct state_skipped skipped;

static enum state_result read_text(const char *text, size_t len)
{
	/* A block of just this size: a sanitizer sees a byte too far. */
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy + 1, text, len);
	enum state_result r = state_read(&past, copy + 1, len, &self, &skipped);
	free(copy);
	return r;
}

static enum state_result read_string(const char *text)
{
	return read_text(text, strlen(text));
}

static char *write_past(void)
{
	size_t len;
	char *text = state_write(&past, &len);

	assert_non_null(text);
	text = realloc(text, len + 1);
	assert_non_null(text);
	text[len] = '\0';
	return text;
}

/* The peer's line is passed over, or taken. */
static void assert_line(const char *line, bool taken)
{
	char text[2 * STATE_LINE_MAX];

	snprintf(text, sizeof text, HEAD "%s\n", line);
	assert_int_equal(read_string(text), STATE_OK);
	if (past.count != taken || skipped.count == taken)
		fail_msg("%s: %zu peers, %zu lines passed over", line, past.count, skipped.count);
	if (!taken)
		assert_int_equal(skipped.first, 3);
	past_free(&past);
}

TEST(writes_one_line_for_each_peer_with_what_is_known)
{
	assert_int_equal(past_init(&past, &self, 2), 0);
	past.count = 2;
	memset(past.peers[0].key.bytes, 2, KEY_LEN);
	memset(past.peers[1].key.bytes, 3, KEY_LEN);
	past.peers[0].endpoint = addr_v4((uint8_t[]){192, 0, 2, 1}, 51820);
	past.peers[0].given = addr_v6((uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 7}, 443, 0);
	memcpy(past.peers[0].sent, "\x40\0\0\0\x6b\x01\x9d\x20\x0a\0\0\0", NOISE_TIMESTAMP_LEN);
	memcpy(past.peers[0].received, "\x40\0\0\0\x6b\x01\x9d\x21\x0b\0\0\1", NOISE_TIMESTAMP_LEN);
	past.peers[0].seen = 1795260000;
	char *text = write_past();
	past_free(&past);
	assert_string_equal(text, HEAD "peer " PEER
				       " endpoint 192.0.2.1:51820 given [2001:db8::7]:443 sent "
				       "400000006b019d200a000000 received 400000006b019d210b000001 "
				       "seen 1795260000\n"
				       "peer AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n");

	assert_int_equal(read_string(text), STATE_OK);
	assert_int_equal(skipped.count, 0);
	assert_int_equal(past.count, 2);
	char *again = write_past();
	assert_string_equal(again, text);
	past_free(&past);
	free(text);
	free(again);
}

TEST(reads_what_it_wrote)
{
	struct rand rand = rand_seeded(7);
	struct past before;

	for (int round = 0; round < 200; round++) {
		assert_int_equal(past_init(&before, &self, 50), 0);
		before.count = rand_below(&rand, 51);
		for (size_t i = 0; i < before.count; i++) {
			struct past_peer *p = &before.peers[i];
			uint8_t ip[16];
			rand_bytes(&rand, p->key.bytes, KEY_LEN);
			rand_bytes(&rand, ip, sizeof ip);
			uint16_t port = (uint16_t)(1 + rand_below(&rand, 65535));
			if (rand_below(&rand, 2))
				p->endpoint = addr_v4(ip, port);
			if (rand_below(&rand, 2))
				p->given = addr_v6(ip, port, 0);
			if (rand_below(&rand, 2))
				rand_bytes(&rand, p->sent, sizeof p->sent);
			if (rand_below(&rand, 2))
				rand_bytes(&rand, p->received, sizeof p->received);
			if (rand_below(&rand, 2))
				p->seen = rand_below(&rand, UINT32_MAX);
		}
		assert_int_equal(past_sort(&before), 0);
		size_t len;
		char *text = state_write(&before, &len);
		assert_int_equal(read_text(text, len), STATE_OK);
		assert_int_equal(skipped.count, 0);
		assert_int_equal(past.count, before.count);
		for (size_t i = 0; i < before.count; i++) {
			const struct past_peer *p = &past.peers[i], *q = &before.peers[i];
			assert_memory_equal(&p->key, &q->key, sizeof p->key);
			assert_true(addr_equal(&p->endpoint, &q->endpoint));
			assert_true(addr_equal(&p->given, &q->given));
			assert_memory_equal(p->sent, q->sent, sizeof p->sent);
			assert_memory_equal(p->received, q->received, sizeof p->received);
			assert_int_equal(p->seen, q->seen);
		}
		free(text);
		past_free(&past);
		past_free(&before);
	}
}

TEST(a_node_without_peers_has_a_file_too)
{
	assert_int_equal(read_string(HEAD), STATE_OK);
	assert_int_equal(past.count, 0);
	assert_int_equal(skipped.count, 0);
	past_free(&past);
}

TEST(another_key_a_later_version_and_other_files_are_told_apart)
{
	static const struct {
		const char *text;
		enum state_result result;
	} rows[] = {
		{"", STATE_FOREIGN},
		{"\n", STATE_FOREIGN},
		{"warren.state/1", STATE_FOREIGN},
		{"warren.state/1\n", STATE_FOREIGN},
		{"warren.state/1\nself " SELF, STATE_FOREIGN},
		{"warren.state/1\nself\n", STATE_FOREIGN},
		{"warren.state/1\nself " SELF " \n", STATE_FOREIGN},
		{"warren.state/1\nself AQEB\n", STATE_FOREIGN},
		{"warren.state/1\npeer " SELF "\n", STATE_FOREIGN},
		{"warren.state/1\r\nself " SELF "\r\n", STATE_NEWER},
		{"warren.state/2\nself " SELF "\n", STATE_NEWER},
		{"warren.state/2\nsomething else\n", STATE_NEWER},
		{"warren.state/11\nself " SELF "\n", STATE_NEWER},
		{"warren.state/1\nself " PEER "\n", STATE_OTHER_KEY},
		{"[Interface]\nPrivateKey = " SELF "\n", STATE_FOREIGN},
		{" " HEAD, STATE_FOREIGN},
		{HEAD, STATE_OK},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(read_string(rows[i].text), rows[i].result);
		if (rows[i].result == STATE_OK)
			past_free(&past);
	}
}

TEST(a_line_that_is_not_understood_is_passed_over)
{
	static const struct {
		const char *line;
		bool taken;
	} rows[] = {
		{"peer " PEER, true},
		{"peer " PEER " seen 1", true},
		{"peer " PEER " seen 18446744073709", true},
		{"peer " PEER " seen 18446744073710", false},
		{"peer " PEER " seen -1", false},
		{"peer " PEER " seen", false},
		{"peer " PEER " seen ", false},
		{"peer " PEER " seen 1 ", false},
		{"peer " PEER " seen  1", false},
		{"peer " PEER "  seen 1", false},
		{"peer " PEER "\tseen 1", false},
		{" peer " PEER, false},
		{"peer  " PEER, false},
		{"peer", false},
		{"peer ", false},
		{"", false},
		{"net " PEER, false},
		{"peer " PEER " seen 1 seen 1", false},
		{"peer " PEER " seen 1 endpoint 192.0.2.1:1", true},
		{"peer " PEER " colour 1", false},
		{"peer " PEER "=", false},
		{"peer AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgJ=", false},
		{"peer " PEER " endpoint 192.0.2.1", false},
		{"peer " PEER " endpoint 192.0.2.1:0", false},
		{"peer " PEER " endpoint 192.0.2.1:65536", false},
		{"peer " PEER " endpoint example.org:51820", false},
		{"peer " PEER " endpoint (none)", false},
		{"peer " PEER " sent 400000006b019d200a000000", true},
		{"peer " PEER " sent 400000006b019d200a00000", false},
		{"peer " PEER " sent 400000006b019d200a0000000", false},
		{"peer " PEER " sent 400000006b019d200a00000g", false},
		{"# a remark", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_line(rows[i].line, rows[i].taken);
}

TEST(the_others_stay_when_one_is_not_understood)
{
	assert_int_equal(
		read_string(HEAD "peer " PEER " seen 5\nrubbish\nmore\npeer " SELF " seen 6\n"),
		STATE_OK);
	assert_int_equal(past.count, 2);
	assert_int_equal(skipped.count, 2);
	assert_int_equal(skipped.first, 4);
	past_free(&past);
}

/* Torn after any byte, or followed by zeros where a disk lost it: what is taken is as it was written, for a fact that is cut short is
 * no fact. */
TEST(a_torn_file_gives_whole_lines_or_none)
{
	static const char text[] = HEAD "peer " PEER " endpoint 192.0.2.1:51820 seen 1795260000\n";
	char zeros[sizeof text] = {0};

	for (size_t len = 0; len < sizeof text - 1; len++) {
		memset(zeros, 0, sizeof zeros);
		memcpy(zeros, text, len);
		for (int way = 0; way < 2; way++) {
			enum state_result r = read_text(zeros, way == 0 ? len : sizeof zeros);
			assert_int_equal(r, len < strlen(HEAD) ? STATE_FOREIGN : STATE_OK);
			if (r == STATE_OK) {
				assert_int_equal(past.count, 0);
				past_free(&past);
			}
		}
	}
}

TEST(long_lines_are_passed_over)
{
	char text[4 * STATE_LINE_MAX];
	size_t head = strlen(HEAD);

	for (size_t len = STATE_LINE_MAX - 2; len < 3 * STATE_LINE_MAX; len++) {
		memcpy(text, HEAD, head);
		memset(text + head, 'x', len);
		strcpy(text + head + len, "\npeer " PEER "\n");
		assert_int_equal(read_string(text), STATE_OK);
		assert_int_equal(past.count, 1);
		assert_int_equal(skipped.count, 1);
		past_free(&past);
	}
}

TEST(a_peer_counts_once)
{
	assert_int_equal(read_string(HEAD "peer " PEER " seen 5\npeer " PEER " seen 5\n"),
			 STATE_OK);
	assert_int_equal(past.count, 1);
	assert_int_equal(skipped.count, 1);
	past_free(&past);
}

TEST(no_more_peers_than_a_mesh_may_have)
{
	size_t len, most = MESH_PEERS_MAX + 3;
	struct past many;

	assert_int_equal(past_init(&many, &self, most), 0);
	for (size_t i = 0; i < most; i++) {
		many.peers[i].key.bytes[0] = (uint8_t)(i >> 8);
		many.peers[i].key.bytes[1] = (uint8_t)i;
		many.count++;
	}
	char *text = state_write(&many, &len);
	assert_int_equal(read_text(text, len), STATE_OK);
	assert_int_equal(past.count, MESH_PEERS_MAX);
	assert_int_equal(skipped.count, 3);
	past_free(&past);
	past_free(&many);
	free(text);
}

/* A datagram may come from port 0; nobody can send there. */
TEST(an_endpoint_with_port_0_is_left_out)
{
	assert_int_equal(past_init(&past, &self, 1), 0);
	past.count = 1;
	past.peers[0].endpoint = addr_v4((uint8_t[]){192, 0, 2, 1}, 0);
	char *text = write_past();
	assert_null(strstr(text, "endpoint"));
	free(text);
	past_free(&past);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(writes_one_line_for_each_peer_with_what_is_known),
		RUN(reads_what_it_wrote),
		RUN(a_node_without_peers_has_a_file_too),
		RUN(another_key_a_later_version_and_other_files_are_told_apart),
		RUN(a_line_that_is_not_understood_is_passed_over),
		RUN(the_others_stay_when_one_is_not_understood),
		RUN(a_torn_file_gives_whole_lines_or_none),
		RUN(long_lines_are_passed_over),
		RUN(a_peer_counts_once),
		RUN(no_more_peers_than_a_mesh_may_have),
		RUN(an_endpoint_with_port_0_is_left_out),
	};

	if (crypto_init(NULL) < 0)
		return 1;
	return RUN_TESTS(tests);
}
