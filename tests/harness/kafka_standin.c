/*
 * kafka_standin: a cluster of brokers on 127.0.0.1, librdkafka's own, and a
 * reader of one topic.
 *
 *   kafka_standin TOPIC
 *
 * Says "brokers HOST:PORT,..." first, then a line for each message that it
 * reads: partition, offset, key, headers and value, with tabs between them. Is
 * told on its standard input:
 *
 *   down       all brokers are away
 *   up         they are back
 *   fail N E   the next N requests to store messages fail with error number E
 *   lose       the connection of the next such request ends without an answer
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BROKERS = 3, PARTITIONS = 4, PRODUCE = 0, MOST_ERRORS = 1000 };

static void
give_up(const char *what)
{
    fprintf(stderr, "kafka_standin: %s\n", what);
    exit(1);
}

static void
set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char words[256];

    if (rd_kafka_conf_set(conf, name, value, words, sizeof words) !=
        RD_KAFKA_CONF_OK)
        give_up(words);
}

static rd_kafka_t *
make(rd_kafka_type_t type, const char *brokers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *made;
    char words[256];

    if (brokers) {
        set(conf, "bootstrap.servers", brokers);
        set(conf, "group.id", "reader");
        set(conf, "enable.auto.commit", "false");
        set(conf, "fetch.wait.max.ms", "20");
        set(conf, "fetch.error.backoff.ms", "50");
        set(conf, "reconnect.backoff.ms", "50");
        set(conf, "reconnect.backoff.max.ms", "200");
    }
    set(conf, "log_level", "0");
    made = rd_kafka_new(type, conf, words, sizeof words);
    if (!made)
        give_up(words);
    return made;
}

static void
read_all_of(rd_kafka_t *reader, const char *topic)
{
    rd_kafka_topic_partition_list_t *all =
        rd_kafka_topic_partition_list_new(PARTITIONS);

    for (int i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(all, topic, i)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(reader, all) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("the topic cannot be read");
    rd_kafka_topic_partition_list_destroy(all);
}

static void
print_headers(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t n;

    if (rd_kafka_message_headers(message, &headers) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &n) ==
                       RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        printf("%s%s=%.*s", i ? " " : "", name, (int)n, (const char *)value);
}

static void
print(const rd_kafka_message_t *message)
{
    printf("%d\t%lld\t%.*s\t", message->partition, (long long)message->offset,
        (int)message->key_len, (const char *)message->key);
    print_headers(message);
    printf("\t%.*s\n", (int)message->len, (const char *)message->payload);
    fflush(stdout);
}

static void
fail_some(rd_kafka_mock_cluster_t *cluster, int n, int error)
{
    rd_kafka_resp_err_t errors[MOST_ERRORS];

    if (n > MOST_ERRORS)
        n = MOST_ERRORS;
    for (int i = 0; i < n; i++)
        errors[i] = (rd_kafka_resp_err_t)error;
    rd_kafka_mock_push_request_errors_array(
        cluster, PRODUCE, (size_t)n, errors);
}

/* False when nobody is there any more. */
static bool
obey(rd_kafka_mock_cluster_t *cluster)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    char order[100];
    int n, error;

    while (poll(&in, 1, 0) > 0) {
        ssize_t got = read(STDIN_FILENO, order, sizeof order - 1);

        if (got <= 0)
            return false;
        order[got] = '\0';
        if (strncmp(order, "down", 4) == 0)
            rd_kafka_mock_broker_set_down(cluster, -1);
        else if (strncmp(order, "up", 2) == 0)
            rd_kafka_mock_broker_set_up(cluster, -1);
        else if (strncmp(order, "lose", 4) == 0)
            fail_some(cluster, 1, RD_KAFKA_RESP_ERR__TRANSPORT);
        else if (sscanf(order, "fail %d %d", &n, &error) == 2)
            fail_some(cluster, n, error);
        puts("obeyed");
        fflush(stdout);
    }
    return true;
}

int
main(int argc, char **argv)
{
    rd_kafka_t *owner = make(RD_KAFKA_PRODUCER, NULL), *reader;
    rd_kafka_mock_cluster_t *cluster =
        rd_kafka_mock_cluster_new(owner, BROKERS);

    if (argc != 2 || !cluster)
        give_up("one argument is wanted, the topic");
    rd_kafka_mock_topic_create(cluster, argv[1], PARTITIONS, 1);
    printf("brokers %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    reader = make(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(cluster));
    read_all_of(reader, argv[1]);
    while (obey(cluster)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 20);

        if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            print(message);
        if (message)
            rd_kafka_message_destroy(message);
    }
    return 0;
}
