/* settings_keys: the table of all keys; see settings.h. */
#include "settings.h"

#include <string.h>

#define AT(member) offsetof(struct settings, member)
#define MINUTE_MS (60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24LL * HOUR_MS)

#define MOST_MONEY 100000000000000LL

#define COMPANY "name site cabinet phone signature currency"
#define FIELDS "login uid tariff ending"

/* What else is true of a key. */
#define PLAIN 0
#define SECRET KEY_SECRET
#define FIXED KEY_RESTART

/* The rows of one kind of notice: by which ways it goes; the limit of its
 * amount; when, and with which words. */
#define NOTICE_WAYS(kind, section, on)                                         \
    { section, "sms", KEY_BOOL, PLAIN, AT(notices[kind].sms), on, 0, 0, NULL,  \
        "Send an SMS" },                                                       \
        { section, "channels", KEY_ROUTE, PLAIN, AT(notices[kind].sms_route),  \
            "smspilot", 0, 0, NULL,                                            \
            "How the SMS goes: smspilot, smsc, or both in the order to try:\n" \
            "smspilot,smsc" },                                                 \
        { section, "social", KEY_BOOL, PLAIN, AT(notices[kind].social), "no",  \
            0, 0, NULL, "Send a message to the social networks (VK, OK)" },    \
    {                                                                          \
        section, "social_channels", KEY_ROUTE, PLAIN,                          \
            AT(notices[kind].social_route), "social", 0, 0, NULL,              \
            "How that goes: social, and perhaps an SMS when it is refused:\n"  \
            "social,smspilot"                                                  \
    }

#define NOTICE_LIMIT(kind, section, name, preset, least, help)                 \
    {                                                                          \
        section, name, KEY_MONEY, PLAIN, AT(notices[kind].limit_kopecks),      \
            preset, least, MOST_MONEY, NULL, help                              \
    }

/* own are the fields of its text beside the company's. */
#define NOTICE_WORDS(kind, section, after, asleep, words, endings, own)        \
    { section, "after", KEY_DURATION, PLAIN, AT(notices[kind].after_ms),       \
        after, 0, HOUR_MS, NULL,                                               \
        "Time for the billing to finish its work before we look" },            \
        { section, "quiet", KEY_HOURS, PLAIN, AT(notices[kind].quiet), asleep, \
            0, 0, NULL, "Hours in which nothing is sent, or no" },             \
        { section, "text", KEY_TEMPLATE, PLAIN, AT(notices[kind].text), words, \
            0, 0, COMPANY " " own,                                             \
            "Text; fields in braces: " own "\n"                                \
            "and those of [company]. A brace itself is written twice: {{" },   \
        { section, "social_text", KEY_TEMPLATE, PLAIN,                         \
            AT(notices[kind].social_text), "", 0, 0, COMPANY " " own,          \
            "Text for the social networks; empty = the same" },                \
    {                                                                          \
        section, "ending", KEY_TEXTS, PLAIN, AT(notices[kind].ending),         \
            endings, 0, 0, COMPANY,                                            \
            "{ending}: one of these at random; repeat the key for each"        \
    }

const struct settings_section settings_sections[] = {
    { "database",
        "The database server of the billing. What is empty here is taken\n"
        "from config_xml, when that is set." },
    { "service", "The service itself." },
    { "billing", "How the billing's data is read." },
    { "company", "Fields for message texts: {name} {site} {cabinet} {phone}\n"
                 "{signature} {currency}." },
    { "notice", "What holds for all messages to subscribers." },
    { "smspilot", "SMS through smspilot.ru." },
    { "smsc", "SMS and messages to social networks through smsc.ru.\n"
              "Either login and password, or api_key." },
    { "komtet",
        "Fiscal receipts through Komtet Kassa, kassa.komtet.ru. While shop,\n"
        "secret or queue is empty, receipts wait in our queue." },
    { "payment", "A payment was booked." },
    { "refund", "A payment was taken back (type 7)." },
    { "api_payment",
        "The payment interface credited something (type 62): {comment} says\n"
        "what." },
    { "api_refund", "The payment interface took something back (type 62)." },
    { "credit", "The subscriber took the service Credit." },
    { "credit_limit", "A credit limit was set (type 18)." },
    { "tariff_change", "The subscriber changed the tariff." },
    { "tariff_by_staff", "The staff changed the subscriber's tariff." },
    { "freeze", "The subscriber was frozen." },
    { "unfreeze", "A frozen subscriber is active again." },
    { "block", "The subscriber was blocked." },
    { "unblock", "A blocked or deleted subscriber is active again." },
    { "delete", "The subscriber was deleted." },
    { "real_ip", "The subscriber got the service Real IP." },
    { "bonus_topup", "A bonus for a large payment." },
    { "bonus_loyalty",
        "A bonus for a payment of the whole monthly fee, by the age of the\n"
        "contract." },
    { "discounts",
        "Discounts end when the tariff changes, or when the subscriber\n"
        "is frozen, blocked or deleted." },
    { "receipt", "Fiscal receipts of payments and refunds, through [komtet]." },
    { "callback",
        "Komtet tells by itself what became of a receipt. We stand behind the\n"
        "operator's web server, which passes this path on." },
    { "session_reset",
        "A subscriber's session on the MikroTik routers is ended, so that it\n"
        "comes back with the new rights, or does not. After payments and\n"
        "credits only of an active subscriber who is not blocked." },
    { "exec", "Programs of your own, such as the shell files that MikBill "
              "calls at its\n"
              "events: run with the same arguments, without a shell, with the "
              "rights\n"
              "of the service. 0 means done, 75 try again later, all else "
              "failed. What\n"
              "runs too long is killed. See README." },
    { "webhook",
        "Every event is handed on to a program of your own by HTTPS, signed,\n"
        "as JSON: see docs/events.md. It may come twice, with the same key." },
    { "kafka",
        "Every event is handed on to Kafka, as the same JSON; only when mbevd\n"
        "was built with it (cmake -DMBEV_KAFKA=ON)." },
    { "routers",
        "The routers are those of the billing's table radnas: address\n"
        "nasname, account naslogin with naspass." },
};
const size_t settings_sections_n =
    sizeof settings_sections / sizeof *settings_sections;

const struct settings_key settings_keys[] = {
    { "database", "config_xml", KEY_TEXT, FIXED, AT(database.config_xml), "", 0,
        0, NULL,
        "MikBill's own configuration file, for host, user, password and\n"
        "billing, e.g. /var/www/mikbill/admin/app/etc/config.xml" },
    { "database", "host", KEY_TEXT, FIXED, AT(database.host), "", 0, 0, NULL,
        "Host name or address; empty = through the socket" },
    { "database", "port", KEY_NUMBER, FIXED, AT(database.port), "3306", 1,
        65535, NULL, "TCP port, when host is set" },
    { "database", "socket", KEY_TEXT, FIXED, AT(database.socket), "", 0, 0,
        NULL, "Unix socket; empty = the client library's default" },
    { "database", "user", KEY_TEXT, FIXED, AT(database.user), "", 0, 0, NULL,
        "Account of the service, see sql/grants.sql;\n"
        "empty = from config_xml, else mbev_service" },
    { "database", "password", KEY_TEXT, FIXED | SECRET, AT(database.password),
        "", 0, 0, NULL, "Its password" },
    { "database", "billing", KEY_TEXT, FIXED, AT(database.billing), "", 0, 0,
        NULL,
        "Name of the billing's database;\n"
        "empty = from config_xml, else mikbill" },
    { "database", "events", KEY_TEXT, FIXED, AT(database.events),
        "mikbill_events", 0, 0, NULL, "Name of our own database beside it" },

    { "service", "doorbell", KEY_TEXT, FIXED, AT(service.doorbell),
        MBEV_DOORBELL, 0, 0, NULL,
        "Socket at which the database wakes the service. The library in\n"
        "the server has the same path built in: change both or none" },
    { "service", "state_dir", KEY_TEXT, FIXED, AT(service.state_dir),
        MBEV_STATE_DIR, 0, 0, NULL,
        "Folder for what must outlive a crash: the journal of attempts,\n"
        "kept when the server's innodb_flush_log_at_trx_commit is not 1" },
    { "service", "log_level", KEY_TEXT, PLAIN, AT(service.log_level), "info", 0,
        0, NULL, "error, warning, info or debug" },
    { "service", "safety_poll", KEY_DURATION, PLAIN, AT(service.safety_poll_ms),
        "1 s", 10, MINUTE_MS, NULL,
        "How often to look for work when nobody rang" },
    { "service", "lease", KEY_DURATION, PLAIN, AT(service.lease_ms), "20 s",
        5000, HOUR_MS, NULL,
        "For how long one service owns the work; one on another host takes\n"
        "over when it was not renewed" },
    { "service", "share_work", KEY_BOOL, PLAIN, AT(service.share_work), "no", 0,
        0, NULL,
        "Act beside another service of the same database, each for a part of\n"
        "the subscribers, instead of standing by" },
    { "service", "stop_timeout", KEY_DURATION, PLAIN, AT(service.stop_ms),
        "25 s", 0, HOUR_MS, NULL,
        "How long to wait for running calls when told to stop" },
    { "service", "batch", KEY_NUMBER, PLAIN, AT(service.batch), "500", 1, 5000,
        NULL, "Most events taken over in one transaction" },
    { "service", "reconcile", KEY_DURATION, PLAIN, AT(service.reconcile_ms),
        "1 min", 0, HOUR_MS, NULL,
        "How often to look for payments and credits that the triggers did not\n"
        "capture, and whether the triggers are there; 0 s = never" },
    { "service", "reconcile_window", KEY_DURATION, PLAIN,
        AT(service.reconcile_window_ms), "24 h", HOUR_MS, 90 * DAY_MS, NULL,
        "How far back, and always to where it looked last" },
    { "service", "keep", KEY_DURATION, PLAIN, AT(service.keep_ms), "180 days",
        0, 3650 * DAY_MS, NULL,
        "For how long finished events and deliveries are kept; 0 days = for\n"
        "ever, else 3 days at least. What is dead or doubtful stays until it\n"
        "is settled, receipts stay for good" },
    { "service", "control", KEY_TEXT, FIXED, AT(service.control), MBEV_CONTROL,
        0, 0, NULL,
        "Socket for the service's group on which it tells of itself: the\n"
        "status page, metrics and health. Empty = none" },
    { "service", "status_address", KEY_TEXT, FIXED, AT(service.status_address),
        "", 0, 0, NULL,
        "The same for browsers and Prometheus of this host, for instance\n"
        "127.0.0.1:9105; empty = no. It asks for no password: for others put\n"
        "a web server with TLS and a password in front" },
    { "service", "metrics_file", KEY_TEXT, PLAIN, AT(service.metrics_file), "",
        0, 0, NULL,
        "File for the textfile collector of node_exporter, written every\n"
        "15 s; empty = none" },
    { "service", "dry_run", KEY_TEXT, PLAIN, AT(service.dry_run), "", 0, 0,
        NULL,
        "Actions that are decided and recorded, but not done: all, or some of\n"
        "sms, social, receipt, bonus_topup, bonus_loyalty, discount_remove,\n"
        "session_reset. To see beside another program what would be done: see\n"
        "mbevctl compare" },

    { "billing", "moved_subscribers", KEY_BOOL, PLAIN,
        AT(billing.moved_subscribers), "yes", 0, 0, NULL,
        "On a modern schema (users.state): do rows of usersfreeze count too" },
    { "billing", "backdated", KEY_DURATION, PLAIN, AT(billing.backdated_ms),
        "1 h", 0, 3650 * DAY_MS, NULL,
        "A row dated further back than this starts no message" },
    { "billing", "backdated_money", KEY_BOOL, PLAIN,
        AT(billing.backdated_money), "yes", 0, 0, NULL,
        "Does such a row earn a bonus and get a receipt all the same" },
    { "billing", "api_settle", KEY_DURATION, PLAIN, AT(billing.api_settle_ms),
        "15 s", 0, HOUR_MS, NULL,
        "Payments of type 62: time for the billing to mark the row of\n"
        "addons_pay_api that they come from" },
    { "billing", "api_window", KEY_DURATION, PLAIN, AT(billing.api_window_ms),
        "10 s", 1000, HOUR_MS, NULL,
        "That row was touched less than this before or after the payment" },
    { "billing", "api_wait", KEY_DURATION, PLAIN, AT(billing.api_wait_ms),
        "2 min", 0, HOUR_MS, NULL,
        "How long to wait for a row that is not credited yet" },
    { "billing", "state_settle", KEY_DURATION, PLAIN,
        AT(billing.state_settle_ms), "2 s", 0, HOUR_MS, NULL,
        "Freezing, blocking, deleting and coming back: time for the billing\n"
        "to move the subscriber's row to its other table" },
    { "billing", "tariff_origin", KEY_TEXT, PLAIN, AT(billing.tariff_origin),
        "subscriber", 0, 0, NULL,
        "Who changed a tariff when nothing tells: subscriber or staff" },
    { "billing", "tariff_origin_window", KEY_DURATION, PLAIN,
        AT(billing.tariff_origin_window_ms), "10 s", 1000, HOUR_MS, NULL,
        "What tells: a row of logs, or a fee for the change (types 23, 26),\n"
        "with a staff member's number, as near in time as this" },

    { "company", "name", KEY_TEXT, PLAIN, AT(company.name), "", 0, 0, NULL,
        "Name of the company" },
    { "company", "site", KEY_TEXT, PLAIN, AT(company.site), "", 0, 0, NULL,
        "Its web site" },
    { "company", "cabinet", KEY_TEXT, PLAIN, AT(company.cabinet), "", 0, 0,
        NULL, "Address of the subscriber's cabinet" },
    { "company", "phone", KEY_TEXT, PLAIN, AT(company.phone), "", 0, 0, NULL,
        "Phone of the help desk" },
    { "company", "signature", KEY_TEXT, PLAIN, AT(company.signature), "", 0, 0,
        NULL, "Last words of a message" },
    { "company", "currency", KEY_TEXT, PLAIN, AT(company.currency), "руб", 0, 0,
        NULL, "Currency as it stands behind an amount" },

    { "notice", "not_sent", KEY_TEXT, PLAIN, AT(notice.not_sent),
        "Не отправлено", 0, 0, NULL,
        "What sms_logs.sms_error_text says when the provider gave no words\n"
        "of its own" },
    { "notice", "retry_first", KEY_DURATION, PLAIN, AT(notice.retry_first_ms),
        "30 s", 100, DAY_MS, NULL,
        "Pause after the first failure that may pass; doubles each time" },
    { "notice", "retry_longest", KEY_DURATION, PLAIN,
        AT(notice.retry_longest_ms), "1 h", 100, DAY_MS, NULL,
        "Longest such pause" },
    { "notice", "expire", KEY_DURATION, PLAIN, AT(notice.expire_ms), "24 h",
        1000, 365 * DAY_MS, NULL, "A message older than this is not sent" },
    { "notice", "hold", KEY_DURATION, PLAIN, AT(notice.hold_ms), "1 min", 100,
        DAY_MS, NULL,
        "Pause of the whole channel when the provider refuses the account\n"
        "(key, money, sender); then one message tries again" },
    { "notice", "time_zone", KEY_TEXT, PLAIN, AT(notice.time_zone),
        "Asia/Yekaterinburg", 0, 0, NULL,
        "Zone of the quiet hours: a name, or an offset such as +05:00" },
    { "notice", "plan_at_provider", KEY_BOOL, PLAIN,
        AT(notice.plan_at_provider), "no", 0, 0, NULL,
        "In quiet hours, hand messages over at once and let the provider\n"
        "wait; else they wait in our queue" },

    { "smspilot", "url", KEY_TEXT, PLAIN, AT(smspilot.url),
        "https://smspilot.ru/api.php", 0, 0, NULL,
        "Address of the interface API-1" },
    { "smspilot", "api_key", KEY_TEXT, SECRET, AT(smspilot.api_key), "", 0, 0,
        NULL, "Key from the provider's cabinet" },
    { "smspilot", "sender", KEY_TEXT, PLAIN, AT(smspilot.sender), "INFORM", 0,
        0, NULL, "Registered name of the sender" },
    { "smspilot", "ca_file", KEY_TEXT, PLAIN, AT(smspilot.ca_file), "", 0, 0,
        NULL, "Certificates to trust; empty = the system's" },
    { "smspilot", "connections", KEY_NUMBER, PLAIN, AT(smspilot.connections),
        "4", 1, 64, NULL, "Most requests at the same time" },
    { "smspilot", "connect_timeout", KEY_DURATION, PLAIN,
        AT(smspilot.connect_timeout_ms), "10 s", 100, 10 * MINUTE_MS, NULL,
        "Time limit for the connection" },
    { "smspilot", "timeout", KEY_DURATION, PLAIN, AT(smspilot.timeout_ms),
        "20 s", 100, 10 * MINUTE_MS, NULL, "Time limit for a whole request" },

    { "smspilot", "datetime_offset", KEY_NUMBER, PLAIN,
        AT(smspilot.datetime_offset_min), "0", -720, 840, NULL,
        "Planned messages: the zone in which smspilot reads a time, in\n"
        "minutes ahead of UTC" },

    { "smsc", "url", KEY_LIST, PLAIN, AT(smsc.url),
        "https://smsc.ru/sys\n"
        "https://www2.smsc.ru/sys",
        0, 0, NULL,
        "Address of the interface; repeat the key for reserve hosts of the\n"
        "same account, used when the first cannot be reached" },
    { "smsc", "login", KEY_TEXT, PLAIN, AT(smsc.login), "", 0, 0, NULL,
        "Login of the account" },
    { "smsc", "password", KEY_TEXT, SECRET, AT(smsc.password), "", 0, 0, NULL,
        "Its password" },
    { "smsc", "api_key", KEY_TEXT, SECRET, AT(smsc.api_key), "", 0, 0, NULL,
        "Key in place of login and password" },
    { "smsc", "sender", KEY_TEXT, PLAIN, AT(smsc.sender), "", 0, 0, NULL,
        "Registered name of the sender; empty = the account's own" },
    { "smsc", "social_extra", KEY_TEXT, PLAIN, AT(smsc.social_extra), "soc=1",
        0, 0, NULL,
        "Parameters that make a message one for the social networks:\n"
        "name=value, divided by &" },
    { "smsc", "social_valid", KEY_TEXT, PLAIN, AT(smsc.social_valid), "00:01",
        0, 0, NULL, "How long to try that, hh:mm; empty = not said" },
    { "smsc", "id_style", KEY_TEXT, PLAIN, AT(smsc.id_style), "text", 0, 0,
        NULL,
        "Form of our own message numbers: text, or number for an old\n"
        "account" },
    { "smsc", "ca_file", KEY_TEXT, PLAIN, AT(smsc.ca_file), "", 0, 0, NULL,
        "Certificates to trust; empty = the system's" },
    { "smsc", "connections", KEY_NUMBER, PLAIN, AT(smsc.connections), "4", 1,
        15, NULL, "Most requests at the same time" },
    { "smsc", "connect_timeout", KEY_DURATION, PLAIN,
        AT(smsc.connect_timeout_ms), "10 s", 100, 10 * MINUTE_MS, NULL,
        "Time limit for the connection" },
    { "smsc", "timeout", KEY_DURATION, PLAIN, AT(smsc.timeout_ms), "20 s", 100,
        10 * MINUTE_MS, NULL, "Time limit for a whole request" },
    { "smsc", "ask_after", KEY_DURATION, PLAIN, AT(smsc.ask_after_ms), "65 s",
        0, HOUR_MS, NULL,
        "When a reply was lost: pause before smsc is asked whether it has\n"
        "the message" },

    { "komtet", "url", KEY_TEXT, PLAIN, AT(komtet.url),
        "https://kassa.komtet.ru", 0, 0, NULL,
        "Address of the interface, without a path" },
    { "komtet", "shop", KEY_TEXT, PLAIN, AT(komtet.shop), "", 0, 0, NULL,
        "Identifier of the shop, from komtet's cabinet" },
    { "komtet", "secret", KEY_TEXT, SECRET, AT(komtet.secret), "", 0, 0, NULL,
        "Its secret key" },
    { "komtet", "queue", KEY_TEXT, PLAIN, AT(komtet.queue), "", 0, 0, NULL,
        "Number of the queue, that is of its group of tills" },
    { "komtet", "version", KEY_TEXT, PLAIN, AT(komtet.version), "v1", 0, 0,
        NULL,
        "Version of the interface: v1 for tills of the fiscal format 1.05,\n"
        "v2 for those of 1.2" },
    { "komtet", "sign_url", KEY_TEXT, PLAIN, AT(komtet.sign_url), "", 0, 0,
        NULL,
        "Address that komtet believes it has, when a proxy or a test server\n"
        "stands between: the signature covers it; empty = as url" },
    { "komtet", "ca_file", KEY_TEXT, PLAIN, AT(komtet.ca_file), "", 0, 0, NULL,
        "Certificates to trust; empty = the system's" },
    { "komtet", "connections", KEY_NUMBER, PLAIN, AT(komtet.connections), "1",
        1, 15, NULL, "Most requests at the same time" },
    { "komtet", "rate", KEY_NUMBER, PLAIN, AT(komtet.rate), "2", 1, 1000, NULL,
        "Most requests a second; of those that were saved up, as many may\n"
        "begin together as there are connections" },
    { "komtet", "connect_timeout", KEY_DURATION, PLAIN,
        AT(komtet.connect_timeout_ms), "10 s", 100, 10 * MINUTE_MS, NULL,
        "Time limit for the connection" },
    { "komtet", "timeout", KEY_DURATION, PLAIN, AT(komtet.timeout_ms), "30 s",
        100, 10 * MINUTE_MS, NULL, "Time limit for a whole request" },
    { "komtet", "retry_first", KEY_DURATION, PLAIN, AT(komtet.retry_first_ms),
        "30 s", 100, DAY_MS, NULL,
        "Pause after the first failure that may pass; doubles each time" },
    { "komtet", "retry_longest", KEY_DURATION, PLAIN,
        AT(komtet.retry_longest_ms), "10 min", 100, DAY_MS, NULL,
        "Longest such pause" },
    { "komtet", "hold", KEY_DURATION, PLAIN, AT(komtet.hold_ms), "1 min", 100,
        DAY_MS, NULL,
        "Pause of the whole channel when komtet refuses the account or is out\n"
        "of order; then one receipt tries again" },

    NOTICE_WAYS(NOTICE_PAYMENT, "payment", "yes"),
    NOTICE_LIMIT(NOTICE_PAYMENT, "payment", "minimum", "10.00", 0,
        "Smaller payments are not announced"),
    NOTICE_WORDS(NOTICE_PAYMENT, "payment", "0 s", "no",
        "Платёж {amount} {currency}. зачислен на счёт {login}. {ending}",
        "Спасибо, что вы с нами!\n"
        "Благодарим за оплату!\n"
        "Спасибо за оплату!",
        FIELDS " amount"),

    NOTICE_WAYS(NOTICE_REFUND, "refund", "no"),
    NOTICE_LIMIT(NOTICE_REFUND, "refund", "maximum", "10.00", -MOST_MONEY,
        "Greater sums are not announced: what is taken back is negative"),
    NOTICE_WORDS(NOTICE_REFUND, "refund", "0 s", "no",
        "Со счёта {login} возвращено {amount} {currency}.", "",
        FIELDS " amount"),

    NOTICE_WAYS(NOTICE_API_PAYMENT, "api_payment", "no"),
    NOTICE_LIMIT(NOTICE_API_PAYMENT, "api_payment", "minimum", "10.00", 0,
        "Smaller sums are not announced"),
    NOTICE_WORDS(NOTICE_API_PAYMENT, "api_payment", "15 s", "no",
        "На счёт {login} зачислено {amount} {currency}. ({comment})", "",
        FIELDS " amount comment"),

    NOTICE_WAYS(NOTICE_API_REFUND, "api_refund", "no"),
    NOTICE_LIMIT(NOTICE_API_REFUND, "api_refund", "minimum", "10.00", 0,
        "Smaller sums are not announced"),
    NOTICE_WORDS(NOTICE_API_REFUND, "api_refund", "15 s", "no",
        "Со счёта {login} списано {amount} {currency}. ({comment})", "",
        FIELDS " amount comment"),

    NOTICE_WAYS(NOTICE_CREDIT, "credit", "no"),
    NOTICE_LIMIT(NOTICE_CREDIT, "credit", "minimum", "0.01", 1,
        "Smaller credits are not announced"),
    NOTICE_WORDS(NOTICE_CREDIT, "credit", "1 s", "no",
        "Вам предоставлен кредит {amount} {currency}. Счёт {login}.", "",
        FIELDS " amount"),

    NOTICE_WAYS(NOTICE_CREDIT_LIMIT, "credit_limit", "no"),
    NOTICE_LIMIT(NOTICE_CREDIT_LIMIT, "credit_limit", "minimum", "0.01", 1,
        "Smaller limits are not announced"),
    NOTICE_WORDS(NOTICE_CREDIT_LIMIT, "credit_limit", "1 s", "no",
        "Кредитный лимит на счёте {login}: {amount} {currency}.", "",
        FIELDS " amount"),

    NOTICE_WAYS(NOTICE_TARIFF_CHANGE, "tariff_change", "no"),
    NOTICE_WORDS(NOTICE_TARIFF_CHANGE, "tariff_change", "3 s", "no",
        "Тарифный план на счёте {login} изменён по вашей заявке.", "", FIELDS),

    NOTICE_WAYS(NOTICE_TARIFF_BY_STAFF, "tariff_by_staff", "no"),
    NOTICE_WORDS(NOTICE_TARIFF_BY_STAFF, "tariff_by_staff", "3 s",
        "23:00-10:00", "Тарифный план на счёте {login} изменён.", "", FIELDS),

    NOTICE_WAYS(NOTICE_FREEZE, "freeze", "no"),
    NOTICE_WORDS(NOTICE_FREEZE, "freeze", "0 s", "23:00-10:00",
        "Счёт {login} заморожен, доступ приостановлен.", "", FIELDS),

    NOTICE_WAYS(NOTICE_UNFREEZE, "unfreeze", "no"),
    NOTICE_WORDS(NOTICE_UNFREEZE, "unfreeze", "0 s", "23:00-10:00",
        "Счёт {login} разморожен, доступ возобновлён.", "", FIELDS),

    NOTICE_WAYS(NOTICE_BLOCK, "block", "no"),
    NOTICE_WORDS(NOTICE_BLOCK, "block", "0 s", "23:00-10:00",
        "Счёт {login} заблокирован, доступ приостановлен.", "", FIELDS),

    NOTICE_WAYS(NOTICE_UNBLOCK, "unblock", "no"),
    NOTICE_WORDS(NOTICE_UNBLOCK, "unblock", "0 s", "23:00-10:00",
        "Счёт {login} разблокирован, доступ возобновлён.", "", FIELDS),

    NOTICE_WAYS(NOTICE_DELETE, "delete", "no"),
    NOTICE_WORDS(NOTICE_DELETE, "delete", "0 s", "23:00-10:00",
        "Счёт {login} закрыт, доступ прекращён.", "", FIELDS),

    NOTICE_WAYS(NOTICE_REAL_IP, "real_ip", "no"),
    NOTICE_WORDS(NOTICE_REAL_IP, "real_ip", "2 s", "no",
        "На счёте {login} подключён реальный IP-адрес.", "", FIELDS),

    { "bonus_topup", "on", KEY_BOOL, PLAIN, AT(bonus_topup.on), "no", 0, 0,
        NULL, "Give it" },
    { "bonus_topup", "minimum", KEY_MONEY, PLAIN,
        AT(bonus_topup.minimum_kopecks), "2000.00", 1, MOST_MONEY, NULL,
        "Least payment that earns it" },
    { "bonus_topup", "percent", KEY_PERCENT, PLAIN, AT(bonus_topup.percent[0]),
        "5", 1, 10000, NULL, "Percent of the payment, rounded down to tens" },
    { "bonus_topup", "least", KEY_MONEY, PLAIN, AT(bonus_topup.least_kopecks),
        "10.00", 1, MOST_MONEY, NULL, "A smaller bonus is none" },
    { "bonus_topup", "most", KEY_MONEY, PLAIN, AT(bonus_topup.most_kopecks),
        "300.00", 0, MOST_MONEY, NULL, "Greatest bonus; 0 = no bound" },
    { "bonus_topup", "category", KEY_NUMBER, PLAIN, AT(bonus_topup.category),
        "-1", -32768, -1, NULL, "Its category in addons_pay_api" },
    { "bonus_topup", "name", KEY_TEXT, PLAIN, AT(bonus_topup.name),
        "Бонус за пополнение", 0, 0, NULL,
        "Name of the category, when the billing has none yet" },
    { "bonus_topup", "comment", KEY_TEXT, PLAIN, AT(bonus_topup.comment),
        "Бонус за пополнение счёта", 0, 0, NULL, "Comment of the credit" },

    { "bonus_loyalty", "on", KEY_BOOL, PLAIN, AT(bonus_loyalty.on), "no", 0, 0,
        NULL, "Give it" },
    { "bonus_loyalty", "percent_1_year", KEY_PERCENT, PLAIN,
        AT(bonus_loyalty.percent[0]), "3", 1, 10000, NULL,
        "Percent of the monthly fee, after more than one year" },
    { "bonus_loyalty", "percent_2_years", KEY_PERCENT, PLAIN,
        AT(bonus_loyalty.percent[1]), "5", 0, 10000, NULL, "After two years" },
    { "bonus_loyalty", "percent_3_years", KEY_PERCENT, PLAIN,
        AT(bonus_loyalty.percent[2]), "10", 0, 10000, NULL,
        "After three years" },
    { "bonus_loyalty", "least", KEY_MONEY, PLAIN,
        AT(bonus_loyalty.least_kopecks), "10.00", 1, MOST_MONEY, NULL,
        "A smaller bonus, by the first percentage, is none" },
    { "bonus_loyalty", "most", KEY_MONEY, PLAIN, AT(bonus_loyalty.most_kopecks),
        "0.00", 0, MOST_MONEY, NULL, "Greatest bonus; 0 = no bound" },
    { "bonus_loyalty", "category", KEY_NUMBER, PLAIN,
        AT(bonus_loyalty.category), "-1", -32768, -1, NULL,
        "Its category in addons_pay_api" },
    { "bonus_loyalty", "name", KEY_TEXT, PLAIN, AT(bonus_loyalty.name),
        "Бонус постоянному абоненту", 0, 0, NULL,
        "Name of the category, when the billing has none yet" },
    { "bonus_loyalty", "comment", KEY_TEXT, PLAIN, AT(bonus_loyalty.comment),
        "Бонус постоянному абоненту", 0, 0, NULL, "Comment of the credit" },

    { "discounts", "remove", KEY_BOOL, PLAIN,
        AT(discounts.on[EVENT_TARIFF_CHANGE]), "no", 0, 0, NULL,
        "Remove them when the tariff changes" },
    { "discounts", "freeze", KEY_BOOL, PLAIN, AT(discounts.on[EVENT_FREEZE]),
        "no", 0, 0, NULL, "Remove them when the subscriber is frozen" },
    { "discounts", "block", KEY_BOOL, PLAIN, AT(discounts.on[EVENT_BLOCK]),
        "no", 0, 0, NULL, "Remove them when the subscriber is blocked" },
    { "discounts", "delete", KEY_BOOL, PLAIN, AT(discounts.on[EVENT_DELETE]),
        "no", 0, 0, NULL, "Remove them when the subscriber is deleted" },
    { "discounts", "after", KEY_DURATION, PLAIN, AT(discounts.after_ms), "0 s",
        0, HOUR_MS, NULL,
        "Time for the billing to finish its work before we look" },
    { "discounts", "key", KEY_LIST, PLAIN, AT(discounts.keys),
        "ext_discount_extended\n"
        "ext_discount_global\n"
        "ext_discount_global_fixed\n"
        "ext_discount_packet\n"
        "ext_discount_packet_fixed\n"
        "ext_discount_subs\n"
        "ext_discount_subs_fixed\n"
        "ext_discount_device\n"
        "ext_discount_device_fixed",
        0, 0, NULL, "Keys of users_custom_fields to remove, in this order" },

    { "receipt", "payments", KEY_BOOL, PLAIN, AT(receipt.payments), "no", 0, 0,
        NULL, "A receipt for each payment" },
    { "receipt", "refunds", KEY_BOOL, PLAIN, AT(receipt.refunds), "no", 0, 0,
        NULL, "A receipt for what is given back (types 7 and 62)" },
    { "receipt", "after", KEY_DURATION, PLAIN, AT(receipt.after_ms), "0 s", 0,
        HOUR_MS, NULL,
        "Time for the billing to finish its work before we look" },
    { "receipt", "blocked", KEY_BOOL, PLAIN, AT(receipt.blocked), "yes", 0, 0,
        NULL, "Also for subscribers in usersblok and usersdel" },
    { "receipt", "number_prefix", KEY_TEXT, PLAIN, AT(receipt.number_prefix),
        "", 0, 0, NULL,
        "Stands before each number of a receipt, so that no other system of\n"
        "the same shop can have it: letters, digits, _ and -" },
    { "receipt", "table", KEY_TEXT, PLAIN, AT(receipt.table), "receipts_log", 0,
        0, NULL,
        "Table of the billing that shows the receipts: receipts_log or\n"
        "__komtet_receipts_log" },
    { "receipt", "email", KEY_BOOL, PLAIN, AT(receipt.email), "no", 0, 0, NULL,
        "When there is no phone number, use the subscriber's e-mail" },
    { "receipt", "sno", KEY_NUMBER, PLAIN, AT(receipt.sno), "1", 0, 5, NULL,
        "Tax system: 0 general, 1 simplified (income), 2 simplified (income\n"
        "minus expense), 4 agricultural, 5 patent" },
    { "receipt", "vat", KEY_TEXT, PLAIN, AT(receipt.vat), "no", 0, 0, NULL,
        "VAT: no, a rate such as 0, 5, 10 or 22, or a computed one such as\n"
        "110 or 122" },
    { "receipt", "payment_type", KEY_TEXT, PLAIN, AT(receipt.payment_type),
        "card", 0, 0, NULL,
        "card (cashless), cash, prepayment, credit or counter_provisioning" },
    { "receipt", "calculation_method", KEY_TEXT, PLAIN,
        AT(receipt.calculation_method), "full_payment", 0, 0, NULL,
        "What a top-up is, the accountant has to choose: a paid service is\n"
        "full_payment with calculation_subject service, an advance is advance\n"
        "with calculation_subject payment. There are also pre_payment_full,\n"
        "pre_payment_part, credit_part, credit_pay and credit" },
    { "receipt", "calculation_subject", KEY_TEXT, PLAIN,
        AT(receipt.calculation_subject), "service", 0, 0, NULL,
        "service, payment or another of komtet's list" },
    { "receipt", "measure", KEY_NUMBER, PLAIN, AT(receipt.measure), "0", 0, 255,
        NULL, "Unit of the quantity, v2 only: 0 = piece, also of services" },
    { "receipt", "name", KEY_TEMPLATE, PLAIN, AT(receipt.name),
        "Услуги связи, лицевой счёт {login}", 0, 0, COMPANY " login uid",
        "What was paid, at most 128 characters; fields in braces: login uid\n"
        "and those of [company]. A brace itself is written twice: {{" },
    { "receipt", "address", KEY_TEXT, PLAIN, AT(receipt.address), "Офис", 0, 0,
        NULL, "Place of payment; v2 requires it, empty = left out" },
    { "receipt", "place_address", KEY_TEXT, PLAIN, AT(receipt.place_address),
        "", 0, 0, NULL, "Its postal address; empty = left out" },
    { "receipt", "print", KEY_BOOL, PLAIN, AT(receipt.print), "no", 0, 0, NULL,
        "Print it on paper, too" },
    { "receipt", "callback_url", KEY_TEXT, PLAIN, AT(receipt.callback_url), "",
        0, 0, NULL,
        "Address at which komtet is to tell what became of a receipt, see\n"
        "[callback]; empty = left out" },
    { "receipt", "cashier", KEY_BOOL, PLAIN, AT(receipt.cashier), "yes", 0, 0,
        NULL,
        "Name a cashier: whoever booked the payment, from stuff_personal" },
    { "receipt", "cashier_inn", KEY_TEXT, PLAIN, AT(receipt.cashier_inn),
        "required", 0, 0, NULL,
        "required: a cashier without INN is left out; optional: the name\n"
        "alone is enough" },
    { "receipt", "id_member", KEY_TEXT, PLAIN, AT(receipt.id_member),
        "external_id", 0, 0, NULL,
        "What v1 calls the number of a receipt: external_id, or task_id as\n"
        "formerly" },
    { "receipt", "discount_member", KEY_BOOL, PLAIN,
        AT(receipt.discount_member), "no", 0, 0, NULL,
        "Name a discount of 0, as formerly; v1 only" },
    { "receipt", "look_first", KEY_DURATION, PLAIN, AT(receipt.look_first_ms),
        "15 s", 100, DAY_MS, NULL,
        "Pause before komtet is first asked what became of a receipt; doubles\n"
        "each time" },
    { "receipt", "look_longest", KEY_DURATION, PLAIN,
        AT(receipt.look_longest_ms), "10 min", 100, DAY_MS, NULL,
        "Longest such pause" },
    { "receipt", "alarm", KEY_DURATION, PLAIN, AT(receipt.alarm_ms), "24 h",
        1000, 365 * DAY_MS, NULL,
        "A receipt that is not fiscal so long after is an alarm" },

    { "callback", "on", KEY_BOOL, PLAIN, AT(callback.on), "no", 0, 0, NULL,
        "Listen for it; else komtet is only asked" },
    { "callback", "address", KEY_TEXT, PLAIN, AT(callback.address), "127.0.0.1",
        0, 0, NULL, "Address to listen at: of this computer, IPv4 or IPv6" },
    { "callback", "port", KEY_NUMBER, PLAIN, AT(callback.port), "8087", 1,
        65535, NULL, "TCP port" },
    { "callback", "path", KEY_TEXT, PLAIN, AT(callback.path), "/komtet", 0, 0,
        NULL, "Path that the web server passes on" },
    { "callback", "url", KEY_TEXT, PLAIN, AT(callback.url), "", 0, 0, NULL,
        "Public address as komtet knows it, which its signature covers;\n"
        "empty = [receipt] callback_url" },
    { "callback", "rate", KEY_NUMBER, PLAIN, AT(callback.rate), "20", 1, 1000,
        NULL, "Most callbacks a second" },

    { "session_reset", "payment", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_PAYMENT]), "no", 0, 0, NULL,
        "After a payment, on the subscriber's billing day (date_abonka) only" },
    { "session_reset", "api_payment", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_API_PAYMENT]), "no", 0, 0, NULL,
        "After a credit through the payment interface (type 62), on that day\n"
        "only" },
    { "session_reset", "refund", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_REFUND]), "no", 0, 0, NULL,
        "After a payment was taken back (type 7)" },
    { "session_reset", "api_refund", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_API_REFUND]), "no", 0, 0, NULL,
        "After the payment interface took something back (type 62)" },
    { "session_reset", "credit", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_CREDIT]), "no", 0, 0, NULL,
        "After the subscriber took the service Credit, and has a credit" },
    { "session_reset", "credit_limit", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_CREDIT_LIMIT]), "no", 0, 0, NULL,
        "After a credit limit was set (type 18) that is not 0" },
    { "session_reset", "tariff_change", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_TARIFF_CHANGE]), "no", 0, 0, NULL,
        "After the tariff was changed, by the subscriber or by the staff" },
    { "session_reset", "freeze", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_FREEZE]), "no", 0, 0, NULL,
        "After the subscriber was frozen" },
    { "session_reset", "unfreeze", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_UNFREEZE]), "no", 0, 0, NULL,
        "After a frozen subscriber came back" },
    { "session_reset", "block", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_BLOCK]), "no", 0, 0, NULL,
        "After the subscriber was blocked" },
    { "session_reset", "unblock", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_UNBLOCK]), "no", 0, 0, NULL,
        "After a blocked or deleted subscriber came back" },
    { "session_reset", "delete", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_DELETE]), "no", 0, 0, NULL,
        "After the subscriber was deleted" },
    { "session_reset", "real_ip", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_REAL_IP]), "no", 0, 0, NULL,
        "After the service Real IP was switched on or off" },
    { "session_reset", "turbo", KEY_BOOL, PLAIN,
        AT(session_reset.on[EVENT_TURBO]), "no", 0, 0, NULL,
        "After the service Turbo began, or was ended" },
    { "session_reset", "after", KEY_DURATION, PLAIN, AT(session_reset.after_ms),
        "2 s", 0, HOUR_MS, NULL,
        "Time for the billing to finish its work before we look; several\n"
        "resets of one subscriber that wait together are one" },
    { "session_reset", "expire", KEY_DURATION, PLAIN,
        AT(session_reset.expire_ms), "15 min", 1000, DAY_MS, NULL,
        "A session is not ended when the change is older than this" },
    { "session_reset", "repeat_within", KEY_DURATION, PLAIN,
        AT(session_reset.repeat_within_ms), "2 min", 0, DAY_MS, NULL,
        "After a crash a reset that may have been made is made again only\n"
        "within this time of the change" },
    { "session_reset", "target", KEY_TEXT, PLAIN, AT(session_reset.target),
        "all", 0, 0, NULL,
        "all routers, or online: only the one on which the billing sees the\n"
        "subscriber (radacct), and all when it sees none" },

    { "exec", "payment", KEY_TEXT, PLAIN, AT(exec.program[EVENT_PAYMENT]), "",
        0, 0, NULL, "A payment; empty = no program" },
    { "exec", "refund", KEY_TEXT, PLAIN, AT(exec.program[EVENT_REFUND]), "", 0,
        0, NULL, "A payment was taken back (type 7)" },
    { "exec", "api_payment", KEY_TEXT, PLAIN,
        AT(exec.program[EVENT_API_PAYMENT]), "", 0, 0, NULL,
        "A credit through the payment interface (type 62)" },
    { "exec", "api_refund", KEY_TEXT, PLAIN, AT(exec.program[EVENT_API_REFUND]),
        "", 0, 0, NULL, "The payment interface took something back (type 62)" },
    { "exec", "credit", KEY_TEXT, PLAIN, AT(exec.program[EVENT_CREDIT]), "", 0,
        0, NULL, "The subscriber took the service Credit" },
    { "exec", "credit_limit", KEY_TEXT, PLAIN,
        AT(exec.program[EVENT_CREDIT_LIMIT]), "", 0, 0, NULL,
        "A credit limit was set (type 18)" },
    { "exec", "tariff_change", KEY_TEXT, PLAIN,
        AT(exec.program[EVENT_TARIFF_CHANGE]), "", 0, 0, NULL,
        "The subscriber changed the tariff" },
    { "exec", "freeze", KEY_TEXT, PLAIN, AT(exec.program[EVENT_FREEZE]), "", 0,
        0, NULL, "The subscriber was frozen" },
    { "exec", "unfreeze", KEY_TEXT, PLAIN, AT(exec.program[EVENT_UNFREEZE]), "",
        0, 0, NULL, "The subscriber came back from there" },
    { "exec", "block", KEY_TEXT, PLAIN, AT(exec.program[EVENT_BLOCK]), "", 0, 0,
        NULL, "The subscriber was blocked" },
    { "exec", "unblock", KEY_TEXT, PLAIN, AT(exec.program[EVENT_UNBLOCK]), "",
        0, 0, NULL,
        "The subscriber came back from the blocked, or the deleted" },
    { "exec", "delete", KEY_TEXT, PLAIN, AT(exec.program[EVENT_DELETE]), "", 0,
        0, NULL, "The subscriber was deleted" },
    { "exec", "real_ip", KEY_TEXT, PLAIN, AT(exec.program[EVENT_REAL_IP]), "",
        0, 0, NULL, "The real IP address was switched on or off" },
    { "exec", "turbo", KEY_TEXT, PLAIN, AT(exec.program[EVENT_TURBO]), "", 0, 0,
        NULL, "The service Turbo was switched on or off" },
    { "exec", "tariff_by_staff", KEY_TEXT, PLAIN, AT(exec.tariff_by_staff), "",
        0, 0, NULL, "The staff changed the tariff" },
    { "exec", "after", KEY_DURATION, PLAIN, AT(exec.after_ms), "1 s", 0,
        HOUR_MS, NULL,
        "Time for the billing to finish its work before it is run" },
    { "exec", "expire", KEY_DURATION, PLAIN, AT(exec.expire_ms), "1 h", 1000,
        DAY_MS, NULL, "It is not run when the change is older than this" },
    { "exec", "timeout", KEY_DURATION, PLAIN, AT(exec.timeout_ms), "30 s", 100,
        HOUR_MS, NULL, "What runs longer is killed" },
    { "exec", "at_once", KEY_NUMBER, PLAIN, AT(exec.at_once), "2", 1, 16, NULL,
        "Most that run at the same time" },
    { "exec", "switch_table", KEY_TEXT, PLAIN, AT(exec.switch_table), "", 0, 0,
        NULL,
        "Table of the billing with the switches, for the arguments about "
        "them;\n"
        "the service needs SELECT on it. Empty = these are empty" },
    { "exec", "switch_key", KEY_TEXT, PLAIN, AT(exec.switch_key), "id", 0, 0,
        NULL, "Its column that users.swid refers to" },
    { "exec", "switch_ip", KEY_TEXT, PLAIN, AT(exec.switch_ip), "", 0, 0, NULL,
        "Its columns: address" },
    { "exec", "switch_community", KEY_TEXT, PLAIN, AT(exec.switch_community),
        "", 0, 0, NULL, "SNMP community" },
    { "exec", "switch_snmp_port", KEY_TEXT, PLAIN, AT(exec.switch_snmp_port),
        "", 0, 0, NULL, "SNMP port" },
    { "exec", "switch_type", KEY_TEXT, PLAIN, AT(exec.switch_type), "", 0, 0,
        NULL, "number of the type of device" },

    { "webhook", "url", KEY_TEXT, PLAIN, AT(webhook.url), "", 0, 0, NULL,
        "Address; http:// only to this host. Empty = events are not handed "
        "on" },
    { "webhook", "secret", KEY_TEXT, SECRET, AT(webhook.secret), "", 0, 0, NULL,
        "Key of the signature, of 24 characters at least: whsec_ and base64,\n"
        "or any text" },
    { "webhook", "secret_before", KEY_TEXT, SECRET, AT(webhook.secret_before),
        "", 0, 0, NULL,
        "The key before it, with which it is signed, too, until the receiver\n"
        "knows the new one; empty = none" },
    { "webhook", "kinds", KEY_TEXT, PLAIN, AT(webhook.kinds), "all", 0, 0, NULL,
        "Which events: all, or some kinds with a comma between them, such as\n"
        "payment, refund" },
    { "webhook", "ca_file", KEY_TEXT, PLAIN, AT(webhook.ca_file), "", 0, 0,
        NULL, "Certificates to trust; empty = the system's" },
    { "webhook", "connections", KEY_NUMBER, PLAIN, AT(webhook.connections), "4",
        1, 64, NULL,
        "Most requests at the same time; of one subscriber never more than\n"
        "one" },
    { "webhook", "rate", KEY_NUMBER, PLAIN, AT(webhook.rate), "50", 1, 10000,
        NULL, "Most requests a second" },
    { "webhook", "connect_timeout", KEY_DURATION, PLAIN,
        AT(webhook.connect_timeout_ms), "5 s", 100, 10 * MINUTE_MS, NULL,
        "Time limit for the connection" },
    { "webhook", "timeout", KEY_DURATION, PLAIN, AT(webhook.timeout_ms), "15 s",
        100, 10 * MINUTE_MS, NULL, "Time limit for a whole request" },
    { "webhook", "attempts", KEY_NUMBER, PLAIN, AT(webhook.attempts), "25", 0,
        1000, NULL,
        "An event that failed so often, while others pass, is given up; 0 =\n"
        "never: then it keeps back what comes after it of its subscriber" },
    { "webhook", "retry_first", KEY_DURATION, PLAIN, AT(webhook.retry_first_ms),
        "5 s", 100, DAY_MS, NULL,
        "Pause after the first failure that may pass; doubles each time" },
    { "webhook", "retry_longest", KEY_DURATION, PLAIN,
        AT(webhook.retry_longest_ms), "1 h", 100, DAY_MS, NULL,
        "Longest such pause" },
    { "webhook", "hold", KEY_DURATION, PLAIN, AT(webhook.hold_ms), "1 min", 100,
        DAY_MS, NULL,
        "Pause of all of it when the receiver refuses us or is out of order;\n"
        "then one event tries it" },

    { "kafka", "brokers", KEY_TEXT, PLAIN, AT(kafka.brokers), "", 0, 0, NULL,
        "First brokers, host:port with a comma between them. Empty = events\n"
        "are not handed on" },
    { "kafka", "topic", KEY_TEXT, PLAIN, AT(kafka.topic), "mikbill.events", 0,
        0, NULL, "Topic; the key of a message is the subscriber's uid" },
    { "kafka", "kinds", KEY_TEXT, PLAIN, AT(kafka.kinds), "all", 0, 0, NULL,
        "Which events: all, or some kinds with a comma between them" },
    { "kafka", "security", KEY_TEXT, PLAIN, AT(kafka.security), "plaintext", 0,
        0, NULL, "plaintext, ssl, sasl_plaintext or sasl_ssl" },
    { "kafka", "mechanism", KEY_TEXT, PLAIN, AT(kafka.mechanism),
        "SCRAM-SHA-512", 0, 0, NULL,
        "With sasl: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN" },
    { "kafka", "user", KEY_TEXT, PLAIN, AT(kafka.user), "", 0, 0, NULL,
        "With sasl: the account" },
    { "kafka", "password", KEY_TEXT, SECRET, AT(kafka.password), "", 0, 0, NULL,
        "Its password" },
    { "kafka", "ca_file", KEY_TEXT, PLAIN, AT(kafka.ca_file), "", 0, 0, NULL,
        "Certificates to trust; empty = the system's" },
    { "kafka", "compression", KEY_TEXT, PLAIN, AT(kafka.compression), "none", 0,
        0, NULL, "none, gzip, lz4, snappy or zstd" },
    { "kafka", "at_once", KEY_NUMBER, PLAIN, AT(kafka.at_once), "200", 1, 2000,
        NULL,
        "Most messages under way at the same time; of one subscriber never\n"
        "more than one" },
    { "kafka", "timeout", KEY_DURATION, PLAIN, AT(kafka.timeout_ms), "30 s",
        1000, 10 * MINUTE_MS, NULL, "Time limit for a message" },
    { "kafka", "attempts", KEY_NUMBER, PLAIN, AT(kafka.attempts), "25", 0, 1000,
        NULL, "As of the webhook" },
    { "kafka", "retry_first", KEY_DURATION, PLAIN, AT(kafka.retry_first_ms),
        "5 s", 100, DAY_MS, NULL,
        "Pause after the first failure that may pass; doubles each time" },
    { "kafka", "retry_longest", KEY_DURATION, PLAIN, AT(kafka.retry_longest_ms),
        "1 h", 100, DAY_MS, NULL, "Longest such pause" },
    { "kafka", "hold", KEY_DURATION, PLAIN, AT(kafka.hold_ms), "1 min", 100,
        DAY_MS, NULL,
        "Pause of all of it when the brokers refuse us or are out of order;\n"
        "then one message tries it" },

    { "routers", "nastype", KEY_LIST, PLAIN, AT(routers.nastypes), "mikrotik",
        0, 0, NULL,
        "Which of them: those whose nastype is this; repeat the key for each" },
    { "routers", "transport", KEY_TEXT, PLAIN, AT(routers.usual.transport),
        "auto", 0, 0, NULL,
        "How to reach them: ssh, api, api-tls, radius (Disconnect-Request),\n"
        "off, or auto: api where radnas.use_api says so, else ssh" },
    { "routers", "port", KEY_NUMBER, PLAIN, AT(routers.usual.port), "0", 0,
        65535, NULL,
        "Port; 0 = the transport's usual: ssh 22, api 8728, api-tls 8729,\n"
        "radius as radnas.impruport says" },
    { "routers", "connect_timeout", KEY_DURATION, PLAIN,
        AT(routers.usual.connect_timeout_ms), "5 s", 100, 10 * MINUTE_MS, NULL,
        "Time limit for the connection" },
    { "routers", "timeout", KEY_DURATION, PLAIN, AT(routers.usual.timeout_ms),
        "20 s", 100, 10 * MINUTE_MS, NULL,
        "Time limit for the login, and for each command" },
    { "routers", "connections", KEY_NUMBER, PLAIN, AT(routers.connections),
        "256", 1, 1000, NULL, "Most routers talked to at the same time" },
    { "routers", "keep", KEY_DURATION, PLAIN, AT(routers.keep_ms), "60 s", 0,
        HOUR_MS, NULL, "For how long a connection without work is kept" },
    { "routers", "hold_first", KEY_DURATION, PLAIN, AT(routers.hold_first_ms),
        "15 s", 100, DAY_MS, NULL,
        "Pause of a router that cannot be reached; doubles each time" },
    { "routers", "hold_longest", KEY_DURATION, PLAIN,
        AT(routers.hold_longest_ms), "5 min", 100, DAY_MS, NULL,
        "Longest such pause" },
    { "routers", "hold_refused", KEY_DURATION, PLAIN,
        AT(routers.hold_refused_ms), "10 min", 100, DAY_MS, NULL,
        "Pause of a router that refuses the password, or whose key has\n"
        "changed" },
    { "routers", "retry_first", KEY_DURATION, PLAIN, AT(routers.retry_first_ms),
        "10 s", 100, DAY_MS, NULL,
        "Pause of one reset after the first failure that may pass; doubles\n"
        "each time" },
    { "routers", "retry_longest", KEY_DURATION, PLAIN,
        AT(routers.retry_longest_ms), "2 min", 100, DAY_MS, NULL,
        "Longest such pause" },
    { "routers", "login_suffix", KEY_TEXT, PLAIN,
        AT(routers.usual.login_suffix), "", 0, 0, NULL,
        "ssh: stands behind the login, for routers that want to be told how\n"
        "to answer: +ct511w" },
    { "routers", "key_file", KEY_TEXT, PLAIN, AT(routers.usual.key_file), "", 0,
        0, NULL,
        "ssh: private key, OpenSSH or PEM, without passphrase, to log in by\n"
        "before the password is tried. The .pub beside it is not needed" },
    { "routers", "host_key", KEY_TEXT, PLAIN, AT(routers.usual.host_key),
        "accept-new", 0, 0, NULL,
        "ssh: accept-new remembers a key that is seen first and wants the\n"
        "same from then on; strict wants one that is known; off wants none" },
    { "routers", "known_hosts", KEY_TEXT, FIXED, AT(routers.known_hosts), "", 0,
        0, NULL,
        "ssh: file of the keys that are known, in OpenSSH's format;\n"
        "empty = known_hosts in [service] state_dir" },
    { "routers", "kex", KEY_TEXT, PLAIN, AT(routers.usual.kex), "", 0, 0, NULL,
        "ssh: key exchanges to offer, divided by commas, the best one first;\n"
        "empty = all that the library has but slow ones, which would keep\n"
        "everybody waiting: group-exchange, group16, group18" },
    { "routers", "hostkeys", KEY_TEXT, PLAIN, AT(routers.usual.hostkeys), "", 0,
        0, NULL,
        "ssh: kinds of the router's own key. Of this and the next two\n"
        "empty = all that the library has" },
    { "routers", "ciphers", KEY_TEXT, PLAIN, AT(routers.usual.ciphers), "", 0,
        0, NULL, "ssh: ciphers" },
    { "routers", "macs", KEY_TEXT, PLAIN, AT(routers.usual.macs), "", 0, 0,
        NULL, "ssh: message authentication codes" },
    { "routers", "api_login", KEY_TEXT, PLAIN, AT(routers.usual.api_login),
        "plain", 0, 0, NULL,
        "api, api-tls: plain, or challenge, which never sends the password\n"
        "itself: for routers before RouterOS 6.43" },
    { "routers", "api_tls", KEY_TEXT, PLAIN, AT(routers.usual.api_tls),
        "verify", 0, 0, NULL,
        "api-tls: verify the router's certificate; off does not check it;\n"
        "anonymous is for routers that have none" },
    { "routers", "ca_file", KEY_TEXT, PLAIN, AT(routers.ca_file), "", 0, 0,
        NULL, "api-tls: certificates to trust; empty = the system's" },
    { "routers", "source_address", KEY_TEXT, PLAIN, AT(routers.source_address),
        "", 0, 0, NULL,
        "Address in numbers that our side is bound to, of all transports;\n"
        "empty = the system chooses" },
    { "routers", "radius_tries", KEY_NUMBER, PLAIN, AT(routers.radius_tries),
        "3", 1, 10, NULL, "radius: how often the same request is sent" },
    { "routers", "radius_wait", KEY_DURATION, PLAIN, AT(routers.radius_wait_ms),
        "3 s", 100, MINUTE_MS, NULL, "radius: pause for the answer to each" },
    { "routers", "radius_sign", KEY_BOOL, PLAIN, AT(routers.radius_sign), "no",
        0, 0, NULL, "radius: add a Message-Authenticator" },
    { "routers", "router", KEY_LIST, PLAIN, AT(routers.lines), "", 0, 0, NULL,
        "Exception for one router; repeat the key for each:\n"
        "router = ADDRESS key=value key=value\n"
        "ADDRESS is its nasname. Values have no blanks: timeout=20s. Possible\n"
        "are transport, port, connect_timeout, timeout, login_suffix,\n"
        "key_file, host_key, kex, hostkeys, ciphers, macs, api_login, "
        "api_tls" },
};
const size_t settings_keys_n = sizeof settings_keys / sizeof *settings_keys;

static const char *const notice_names[NOTICES] = {
    [NOTICE_PAYMENT] = "payment",
    [NOTICE_REFUND] = "refund",
    [NOTICE_API_PAYMENT] = "api_payment",
    [NOTICE_API_REFUND] = "api_refund",
    [NOTICE_CREDIT] = "credit",
    [NOTICE_CREDIT_LIMIT] = "credit_limit",
    [NOTICE_TARIFF_CHANGE] = "tariff_change",
    [NOTICE_TARIFF_BY_STAFF] = "tariff_by_staff",
    [NOTICE_FREEZE] = "freeze",
    [NOTICE_UNFREEZE] = "unfreeze",
    [NOTICE_BLOCK] = "block",
    [NOTICE_UNBLOCK] = "unblock",
    [NOTICE_DELETE] = "delete",
    [NOTICE_REAL_IP] = "real_ip",
};

const char *
settings_notice_name(enum notice_kind kind)
{
    return notice_names[kind];
}

enum notice_kind
settings_notice_of(const char *section)
{
    enum notice_kind kind = 0;

    while (kind < NOTICES && strcmp(notice_names[kind], section) != 0)
        kind++;
    return kind;
}
