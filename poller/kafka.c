/* kafka: see kafka.h. */
#include "kafka.h"

#include "atwork.h"
#include "envelope.h"
#include "fault.h"
#include "log.h"
#include "relay.h"
#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    SLACK_MS = 2000, /* librdkafka looks for what is late once a second */
    WORDS = 400,
    MOST_TURNS = 16,
};

struct kafka {
    const struct settings *set;
    struct lane *lane;
    int fd;
    rd_kafka_t *producer; /* NULL = there is none now */
    rd_kafka_queue_t *reports;
    size_t underway;
    bool spent;            /* to be made anew, when nothing is under way */
    char words[WORDS + 1]; /* what librdkafka complained of last, or "" */
};

/* --- the producer -------------------------------------------------------- */

static void
close_producer(struct kafka *k)
{
    if (!k->producer)
        return;
    rd_kafka_queue_io_event_enable(k->reports, -1, NULL, 0);
    rd_kafka_queue_destroy(k->reports);
    rd_kafka_destroy(k->producer);
    k->producer = NULL;
    k->reports = NULL;
    k->spent = false;
    k->words[0] = '\0';
}

static void
keep_words(struct kafka *k, const char *words)
{
    utf8_copy(k->words, sizeof k->words, words, strlen(words));
}

/* Trouble that is not a message's own: brokers that do not answer or do not
 * let us in. It stands in the reason of those that it keeps from going. */
static void
on_error(rd_kafka_t *producer, int code, const char *reason, void *arg)
{
    struct kafka *k = arg;
    char words[WORDS + 1];

    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(producer, words, sizeof words);
        keep_words(k, words);
        k->spent = true;
        log_warning("kafka: the producer is made anew: %s", k->words);
        return;
    }
    keep_words(k, reason);
    log_debug("kafka: %s", k->words);
}

static void
on_log(const rd_kafka_t *producer, int level, const char *facility,
    const char *text)
{
    (void)producer;
    (void)level;
    log_debug("kafka: %s: %s", facility, text);
}

static void
on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *arg);

/* One line of its configuration; a value that is "" is left out. */
struct line {
    const char *name, *value;
};

static bool
set_lines(struct kafka *k, rd_kafka_conf_t *conf, const struct line *line)
{
    char words[WORDS + 1];

    for (; line->name; line++) {
        if (!*line->value)
            continue;
        if (rd_kafka_conf_set(conf, line->name, line->value, words,
                sizeof words) != RD_KAFKA_CONF_OK) {
            keep_words(k, words);
            return false;
        }
    }
    return true;
}

/* Reports and complaints go by one queue, which is ours. */
static bool
configure(struct kafka *k, rd_kafka_conf_t *conf)
{
    const struct settings *set = k->set;
    bool sasl = strncmp(set->kafka.security, "sasl", 4) == 0;
    char timeout[24], most[24];
    const struct line lines[] = {
        { "bootstrap.servers", set->kafka.brokers },
        { "client.id", "mikbill-events" },
        { "enable.idempotence", "true" },
        { "partitioner", "murmur2_random" },
        { "compression.type", set->kafka.compression },
        { "message.timeout.ms", timeout },
        { "queue.buffering.max.messages", most },
        { "security.protocol", set->kafka.security },
        { "ssl.ca.location", set->kafka.ca_file },
        { "sasl.mechanism", sasl ? set->kafka.mechanism : "" },
        { "sasl.username", sasl ? set->kafka.user : "" },
        { "sasl.password", sasl ? set->kafka.password : "" },
        { "log.queue", "true" },
        { NULL, NULL },
    };

    snprintf(timeout, sizeof timeout, "%" PRId64, set->kafka.timeout_ms);
    snprintf(most, sizeof most, "%" PRId64, 2 * set->kafka.at_once);
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    return set_lines(k, conf, lines);
}

static void
watch(struct kafka *k)
{
    static const uint64_t one = 1;

    rd_kafka_set_log_queue(k->producer, NULL);
    k->reports = rd_kafka_queue_get_main(k->producer);
    rd_kafka_queue_io_event_enable(k->reports, k->fd, &one, sizeof one);
}

/* False, with the reason in k->words. */
static bool
open_producer(struct kafka *k)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char words[WORDS + 1];

    k->words[0] = '\0';
    if (!configure(k, conf)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    k->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    if (!k->producer) {
        rd_kafka_conf_destroy(conf);
        keep_words(k, words);
        return false;
    }
    watch(k);
    return true;
}

/* --- outcomes ------------------------------------------------------------ */

static const struct meaning {
    rd_kafka_resp_err_t error;
    enum outcome_class class;
} meanings[] = {
    { RD_KAFKA_RESP_ERR_NO_ERROR, OUTCOME_ACCEPTED },
    { RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, OUTCOME_PERMANENT },
    { RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, OUTCOME_PERMANENT },
    { RD_KAFKA_RESP_ERR_INVALID_MSG, OUTCOME_PERMANENT },
    { RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, OUTCOME_PERMANENT },
    { RD_KAFKA_RESP_ERR_INVALID_RECORD, OUTCOME_PERMANENT },
    { RD_KAFKA_RESP_ERR__BAD_MSG, OUTCOME_PERMANENT },
    { RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, OUTCOME_CONFIGURATION },
    { RD_KAFKA_RESP_ERR__INVALID_ARG, OUTCOME_CONFIGURATION },
    { RD_KAFKA_RESP_ERR__AUTHENTICATION, OUTCOME_CONFIGURATION },
    { RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, OUTCOME_CONFIGURATION },
    { RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, OUTCOME_CONFIGURATION },
    { RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, OUTCOME_CONFIGURATION },
    { RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, OUTCOME_CONFIGURATION },
    { RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, OUTCOME_CONFIGURATION },
};

/* Anything else may pass; whether a broker has it, librdkafka knows. */
static enum outcome_class
class_of(rd_kafka_resp_err_t error, rd_kafka_msg_status_t status)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].error == error)
            return meanings[i].class;
    return status == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? OUTCOME_TRANSIENT
                                                       : OUTCOME_UNKNOWN;
}

static void
set_outcome(struct kafka *k, struct delivery *d, rd_kafka_resp_err_t error,
    rd_kafka_msg_status_t status)
{
    struct outcome *o = &d->outcome;

    *o = (struct outcome){ .class = class_of(error, status) };
    if (o->class == OUTCOME_ACCEPTED)
        return;
    snprintf(o->code, sizeof o->code, "%.30s", rd_kafka_err2name(error));
    snprintf(o->why, sizeof o->why, "topic %.249s: %s%s%s", k->set->kafka.topic,
        rd_kafka_err2str(error), k->words[0] ? "; last trouble: " : "",
        k->words);
}

/* Partition and offset are the provider's number of it. */
static void
keep_place(struct delivery *d, const rd_kafka_message_t *message)
{
    if (d->outcome.class == OUTCOME_ACCEPTED && message->offset >= 0)
        snprintf(d->outcome.provider_id, sizeof d->outcome.provider_id,
            "%" PRId32 ":%" PRId64, message->partition, message->offset);
}

static void
on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *arg)
{
    struct kafka *k = arg;
    struct delivery *d = message->_private;

    (void)producer;
    fault_point_at("kafka.reported", d->uid);
    k->underway--;
    set_outcome(k, d, message->err, rd_kafka_message_status(message));
    keep_place(d, message);
    if (d->outcome.class == OUTCOME_ACCEPTED)
        k->words[0] = '\0';
    lane_finish(k->lane, d);
}

/* --- sending ------------------------------------------------------------- */

/* The subscriber is the key: what is about one stays in one partition. The
 * fields are named by their types, without librdkafka's macros, which not each
 * compiler takes; rd_kafka_produceva() of 2.0 crashes when it refuses a message
 * with headers. */
static rd_kafka_resp_err_t
produce(struct kafka *k, struct delivery *d)
{
    char identity[DELIVERY_KEY + 1], key[EVENT_KEY + 1], kind[EVENT_KEY + 1],
        uid[24], version[8];
    const ssize_t to_its_end = -1;

    delivery_identity(d, identity);
    envelope_key(identity, key);
    envelope_kind(identity, kind);
    snprintf(uid, sizeof uid, "%" PRIu64, d->uid);
    snprintf(version, sizeof version, "%d", ENVELOPE_VERSION);
    return rd_kafka_producev(k->producer, RD_KAFKA_VTYPE_TOPIC,
        k->set->kafka.topic, RD_KAFKA_VTYPE_KEY, uid, strlen(uid),
        RD_KAFKA_VTYPE_VALUE, d->payload, strlen(d->payload),
        RD_KAFKA_VTYPE_HEADER, "id", key, to_its_end, RD_KAFKA_VTYPE_HEADER,
        "kind", kind, to_its_end, RD_KAFKA_VTYPE_HEADER, "version", version,
        to_its_end, RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY,
        RD_KAFKA_VTYPE_OPAQUE, d, RD_KAFKA_VTYPE_END);
}

static void
send_out(struct kafka *k, struct delivery *d)
{
    rd_kafka_resp_err_t error;

    fault_point_at("kafka.send", d->uid);
    error = produce(k, d);
    fault_point("kafka.sent");
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        k->underway++;
        return;
    }
    k->spent |= error == RD_KAFKA_RESP_ERR__FATAL;
    set_outcome(k, d, error, RD_KAFKA_MSG_STATUS_NOT_PERSISTED);
    lane_finish(k->lane, d);
}

static void
start(void *carrier, struct delivery *d)
{
    struct kafka *k = carrier;

    lane_turn(k->lane);
    atwork_begin(WORK_CALL, d->key, NULL);
    if (!d->payload) {
        relay_fail_empty(d);
        lane_finish(k->lane, d);
    } else if (!k->producer && !open_producer(k)) {
        set_outcome(k, d, RD_KAFKA_RESP_ERR__INVALID_ARG,
            RD_KAFKA_MSG_STATUS_NOT_PERSISTED);
        lane_finish(k->lane, d);
    } else {
        send_out(k, d);
    }
    atwork_end();
}

/* --- the lane ------------------------------------------------------------ */

int
kafka_fd(const struct kafka *k)
{
    return k->fd;
}

void
kafka_run(struct kafka *k)
{
    uint64_t rings;

    while (read(k->fd, &rings, sizeof rings) < 0 && errno == EINTR)
        ;
    for (int i = 0; k->producer && i < MOST_TURNS; i++)
        if (rd_kafka_poll(k->producer, 0) == 0)
            break;
    if (k->spent && k->underway == 0)
        close_producer(k);
}

/* What was begun with a producer that is spent comes to its end first. */
static bool
has_room(void *carrier)
{
    const struct kafka *k = carrier;

    return !k->spent;
}

static struct lane_traits
traits_of(const struct settings *set)
{
    return (struct lane_traits){ .name = "kafka",
        .repeats_safely = true,
        .lacking = !*set->kafka.brokers,
        .holds = true,
        .longest_ms = set->kafka.timeout_ms + SLACK_MS,
        .limits = { .connections = (size_t)set->kafka.at_once,
            .hold_ms = set->kafka.hold_ms,
            .retry_first_ms = set->kafka.retry_first_ms,
            .retry_longest_ms = set->kafka.retry_longest_ms,
            .most_attempts = (unsigned)set->kafka.attempts } };
}

static struct lane_traits
renew(void *carrier, const struct settings *set, bool anew)
{
    struct kafka *k = carrier;

    k->set = set;
    k->spent |= anew && k->producer;
    if (k->spent && k->underway == 0)
        close_producer(k);
    return traits_of(set);
}

static void
close_kafka(void *carrier)
{
    struct kafka *k = carrier;

    close_producer(k);
    if (k->fd >= 0)
        close(k->fd);
    free(k);
}

static const struct carrier_ops ops = {
    .start = start, .has_room = has_room, .renew = renew, .close = close_kafka
};

struct lane *
kafka_make(const struct settings *set, struct kafka **out)
{
    const struct lane_traits traits = traits_of(set);
    struct kafka *k = calloc(1, sizeof *k);

    *out = k;
    if (!k)
        return NULL;
    k->set = set;
    k->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    k->lane = k->fd >= 0 ? lane_make(&traits, &ops, k) : NULL;
    if (k->lane)
        return k->lane;
    *out = NULL;
    close_kafka(k);
    return NULL;
}
