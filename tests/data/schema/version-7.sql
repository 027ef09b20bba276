CREATE DATABASE IF NOT EXISTS mikbill_events
  DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
USE mikbill_events;
CREATE TABLE IF NOT EXISTS schema_version (
  version       SMALLINT UNSIGNED NOT NULL
                COMMENT 'number of the schema, ascending',
  installed_utc DATETIME(3) NOT NULL
                COMMENT 'when schema.sql first brought this version',
  PRIMARY KEY (version)
) ENGINE=InnoDB
  COMMENT='Versions of this schema. Written by sql/schema.sql, read by mbevd';
CREATE TABLE IF NOT EXISTS outbox (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
               COMMENT 'an order to delete by, never an identity',
  captured_utc DATETIME(3) NOT NULL
               COMMENT 'start of the billing statement that fired the trigger',
  kind         VARCHAR(16) CHARACTER SET ascii NOT NULL
               COMMENT 'event kind; or the number of a payment type, see payment_kind; left, moved: a row left a table of subscribers',
  body         MEDIUMTEXT NOT NULL
               COMMENT 'the changed row, one JSON object made by mbev_json()',
  PRIMARY KEY (id)
) ENGINE=InnoDB
  COMMENT='What the triggers captured. Inserted by the triggers, emptied by mbevd';
CREATE TABLE IF NOT EXISTS event (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  kind         VARCHAR(16) CHARACTER SET ascii NOT NULL
               COMMENT 'payment, refund, credit, tariff_change...',
  uid          BIGINT UNSIGNED NOT NULL
               COMMENT 'subscriber, users.uid; 0 when the body has none',
  source_key   VARCHAR(120) CHARACTER SET ascii NULL
               COMMENT 'kind, table, row id, uid, date and sum of the inserted billing row; NULL for changes of users',
  captured_utc DATETIME(3) NOT NULL
               COMMENT 'copied from the outbox',
  ingested_utc DATETIME(3) NOT NULL
               COMMENT 'when mbevd took it over',
  problem      VARCHAR(255) NULL
               COMMENT 'why the body could not be understood; NULL when it was',
  body         MEDIUMTEXT NOT NULL
               COMMENT 'the changed row as JSON, copied from the outbox',
  PRIMARY KEY (id),
  UNIQUE KEY source (source_key),
  KEY subscriber (uid, id)
) ENGINE=InnoDB
  COMMENT='Captured changes. Written and read by mbevd, read by mbevctl';
CREATE TABLE IF NOT EXISTS delivery (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  event_id      BIGINT UNSIGNED NOT NULL
                COMMENT 'event.id',
  action        VARCHAR(16) CHARACTER SET ascii NOT NULL
                COMMENT 'sms, social, receipt, bonus_topup, bonus_loyalty, discount_remove, session_reset, exec, webhook, kafka',
  receiver      TINYINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'which of several receivers, from 0',
  state         ENUM('ready','leased','calling','done','retry','doubtful',
                     'dead','expired','skipped','cancelled','held','dry')
                NOT NULL
                COMMENT 'see docs/architecture.md for the transitions',
  lane          VARCHAR(16) CHARACTER SET ascii NOT NULL DEFAULT 'smspilot'
                COMMENT 'where it waits: decide (not decided yet) or a provider',
  route         VARCHAR(64) CHARACTER SET ascii NULL
                COMMENT 'channels that are left to try, in order: smspilot,smsc',
  notice        VARCHAR(16) CHARACTER SET ascii NULL
                COMMENT 'section of mbevd.ini whose quiet hours it keeps',
  due_utc       DATETIME(3) NOT NULL
                COMMENT 'not to be tried before',
  expires_utc   DATETIME(3) NULL
                COMMENT 'of no use after; NULL = never expires',
  plan_utc      DATETIME(3) NULL
                COMMENT 'the provider is to deliver it then; NULL = at once',
  epoch         BIGINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'owner.epoch under which it was last claimed',
  claims        TINYINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'claims without a recorded result',
  attempts      SMALLINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'calls to the provider that count',
  ask           BOOLEAN NOT NULL DEFAULT FALSE
                COMMENT 'a reply was lost: ask the provider before sending; of a receipt: an earlier try may have been accepted',
  address       VARCHAR(64) NULL
                COMMENT 'to whom: phone number or e-mail as the provider gets it; of a session reset the login',
  payload       MEDIUMTEXT NULL
                COMMENT 'what is sent: the text of the message; of a receipt every byte of the request; of a session reset and of a program the order as JSON',
  provider      VARCHAR(16) CHARACTER SET ascii NULL
                COMMENT 'which provider was asked last',
  provider_id   VARCHAR(64) CHARACTER SET ascii NULL
                COMMENT 'the provider''s number for it',
  error_class   VARCHAR(16) CHARACTER SET ascii NULL
                COMMENT 'transient, permanent, configuration or unknown',
  error_code    VARCHAR(32) CHARACTER SET ascii NULL
                COMMENT 'the provider''s error code, or the transport''s',
  reason        VARCHAR(255) NULL
                COMMENT 'why it is in this state, in words',
  log_id        BIGINT UNSIGNED NULL
                COMMENT 'its row in the log of the billing: sms_logs.sms_id; of a receipt id in receipts_log',
  changed_utc   DATETIME(3) NOT NULL
                COMMENT 'last change of state',
  dry           BOOLEAN NOT NULL DEFAULT FALSE
                COMMENT 'captured in a dry run: decided, never done',
  PRIMARY KEY (id),
  UNIQUE KEY once (event_id, action, receiver),
  KEY waiting (state, lane, due_utc)
) ENGINE=InnoDB
  COMMENT='Work and its result. Written by mbevd, read by mbevctl';
CREATE TABLE IF NOT EXISTS receipt (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
                 COMMENT 'in the order in which the numbers were taken',
  event_id       BIGINT UNSIGNED NOT NULL
                 COMMENT 'event.id of the payment or refund',
  uid            BIGINT UNSIGNED NOT NULL
                 COMMENT 'subscriber: receipts of one are sent in order',
  number         VARCHAR(128) CHARACTER SET ascii NOT NULL
                 COMMENT 'our number, external_id at komtet, int_id in the log',
  log_table      VARCHAR(64) CHARACTER SET ascii NOT NULL
                 COMMENT 'table of the billing that lists the numbers',
  log_id         BIGINT UNSIGNED NOT NULL
                 COMMENT 'id in that table',
  back           BOOLEAN NOT NULL
                 COMMENT 'money given back (sellReturn)',
  kopecks        BIGINT UNSIGNED NOT NULL
                 COMMENT 'amount, above zero, also of money given back',
  contact        VARCHAR(128) NOT NULL
                 COMMENT 'phone number or e-mail on the receipt',
  stage          ENUM('new','accepted','done','failed','refused','doubtful',
                      'burnt','replaced','closed') NOT NULL DEFAULT 'new'
                 COMMENT 'see docs/architecture.md for what each means',
  task_id        VARCHAR(64) CHARACTER SET ascii NULL
                 COMMENT 'id of the task at komtet; NULL = not known',
  task_state     VARCHAR(32) NULL
                 COMMENT 'word of komtet for how far it is',
  error          VARCHAR(255) NULL
                 COMMENT 'what went wrong last, in words',
  day            DATE NOT NULL
                 COMMENT 'day of the number by the clock of the billing',
  created_utc    DATETIME(3) NOT NULL
                 COMMENT 'when the number was taken',
  accepted_utc   DATETIME(3) NULL
                 COMMENT 'when komtet had it for certain',
  ended_utc      DATETIME(3) NULL
                 COMMENT 'when it came to its end: done, failed, closed...',
  look_utc       DATETIME(3) NULL
                 COMMENT 'when to ask next what became of it; NULL = not to be asked',
  looks          SMALLINT UNSIGNED NOT NULL DEFAULT 0
                 COMMENT 'how often it was asked',
  fiscal_i       VARCHAR(64) NULL COMMENT 'number of the fiscal document',
  fiscal_fn      VARCHAR(64) NULL COMMENT 'number of the fiscal drive',
  fiscal_t       VARCHAR(64) NULL COMMENT 'time at the till, YYYYMMDDTHHMM',
  fiscal_n       VARCHAR(64) NULL COMMENT 'kind: 1 sell, 2 sell return',
  fiscal_fp      VARCHAR(64) NULL COMMENT 'fiscal sign',
  fiscal_rn      VARCHAR(64) NULL COMMENT 'number of the register',
  fiscal_sh      VARCHAR(64) NULL COMMENT 'shift',
  fiscal_shn     VARCHAR(64) NULL COMMENT 'number within the shift',
  fiscal_kopecks BIGINT NULL COMMENT 'sum as the till has it',
  link           VARCHAR(511) NULL COMMENT 'address of the receipt for people',
  PRIMARY KEY (id),
  KEY of_event (event_id),
  KEY in_order (uid, stage),
  KEY to_look (stage, look_utc),
  KEY waiting (stage, created_utc),
  KEY by_number (number),
  KEY by_task (task_id),
  KEY by_day (day)
) ENGINE=InnoDB
  COMMENT='Fiscal receipts and what became of them. Written by mbevd and mbevctl';
CREATE TABLE IF NOT EXISTS till (
  queue       VARCHAR(64) CHARACTER SET ascii NOT NULL
              COMMENT 'queue of [komtet]',
  active      BOOLEAN NOT NULL
              COMMENT 'false: switched off in the cabinet, receipts wait there',
  changed_utc DATETIME(3) NOT NULL
              COMMENT 'since when',
  checked_utc DATETIME(3) NOT NULL
              COMMENT 'when it was asked last',
  PRIMARY KEY (queue)
) ENGINE=InnoDB
  COMMENT='State of the tills. Written by mbevd';
CREATE TABLE IF NOT EXISTS router (
  nas_id      INT UNSIGNED NOT NULL
              COMMENT 'radnas.id',
  address     VARCHAR(64) NOT NULL
              COMMENT 'radnas.nasname',
  transport   VARCHAR(16) CHARACTER SET ascii NOT NULL
              COMMENT 'how it was tried last: ssh, api, api-tls or radius',
  state       ENUM('ok','held') NOT NULL
              COMMENT 'held: left alone until then, because it could not be reached or refused us',
  since_utc   DATETIME(3) NOT NULL
              COMMENT 'in this state since',
  until_utc   DATETIME(3) NULL
              COMMENT 'held until; NULL = not held',
  ended       BIGINT UNSIGNED NOT NULL DEFAULT 0
              COMMENT 'sessions ended on it, in all',
  reason      VARCHAR(255) NULL
              COMMENT 'why it is held, in words',
  cure        VARCHAR(512) NULL
              COMMENT 'what can be done about it',
  changed_utc DATETIME(3) NOT NULL
              COMMENT 'last change of this row',
  PRIMARY KEY (nas_id)
) ENGINE=InnoDB
  COMMENT='State of the routers. Written by mbevd, read by mbevctl';
CREATE TABLE IF NOT EXISTS milestone (
  source VARCHAR(32) CHARACTER SET ascii NOT NULL
         COMMENT 'bugh_plategi_stat or bugh_uslugi_stat; trigger:TABLE: was well; library: was missing; payment_kind: its meaning',
  at_utc DATETIME(3) NOT NULL,
  row_id BIGINT UNSIGNED NOT NULL
         COMMENT 'highest key of the table at that time; of payment_kind a fingerprint; else 0',
  PRIMARY KEY (source, at_utc)
) ENGINE=InnoDB
  COMMENT='Where reconciliation begins. Written and read by mbevd';
CREATE TABLE IF NOT EXISTS forgotten (
  source VARCHAR(32) CHARACTER SET ascii NOT NULL
         COMMENT 'table of the billing: bugh_plategi_stat or bugh_uslugi_stat',
  row_id BIGINT UNSIGNED NOT NULL
         COMMENT 'highest key whose event was removed after its time',
  PRIMARY KEY (source)
) ENGINE=InnoDB
  COMMENT='Horizon of retention. Written by mbevd, read by mbevd and mbevctl';
CREATE TABLE IF NOT EXISTS gap (
  id        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  source    VARCHAR(32) CHARACTER SET ascii NOT NULL
            COMMENT 'table of the billing',
  row_id    BIGINT UNSIGNED NULL
            COMMENT 'key of a row that was captured late; NULL = changes that nobody can list any more',
  uid       BIGINT UNSIGNED NOT NULL DEFAULT 0
            COMMENT 'subscriber of that row',
  kind      VARCHAR(16) CHARACTER SET ascii NULL
            COMMENT 'event kind of that row',
  from_utc  DATETIME(3) NOT NULL
            COMMENT 'date of that row; or since when changes may have been missed',
  until_utc DATETIME(3) NULL
            COMMENT 'when it was captured; or until when changes may have been missed, NULL = still',
  reason    VARCHAR(255) NOT NULL
            COMMENT 'what was found, in words',
  PRIMARY KEY (id),
  KEY open (until_utc, source)
) ENGINE=InnoDB
  COMMENT='Gaps in the capture. Written by mbevd, read by mbevctl';
CREATE TABLE IF NOT EXISTS pause (
  lane      VARCHAR(16) CHARACTER SET ascii NOT NULL
            COMMENT 'as delivery.lane',
  since_utc DATETIME(3) NOT NULL
            COMMENT 'since when',
  who       VARCHAR(255) NOT NULL
            COMMENT 'user and host of the operator',
  reason    VARCHAR(255) NULL
            COMMENT 'what the operator gave as the reason',
  PRIMARY KEY (lane)
) ENGINE=InnoDB
  COMMENT='Paused lanes. Written by mbevctl, read by mbevd';
CREATE TABLE IF NOT EXISTS audit (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  at_utc      DATETIME(3) NOT NULL
              COMMENT 'when',
  who         VARCHAR(255) NOT NULL
              COMMENT 'user and host of the operator',
  verb        VARCHAR(16) CHARACTER SET ascii NOT NULL
              COMMENT 'verb of mbevctl',
  event_id    BIGINT UNSIGNED NULL
              COMMENT 'event.id of the delivery; NULL = not one delivery',
  delivery_id BIGINT UNSIGNED NULL
              COMMENT 'delivery.id that was changed; NULL = not one delivery',
  was         VARCHAR(16) CHARACTER SET ascii NULL
              COMMENT 'state of the delivery before',
  words       VARCHAR(255) NULL
              COMMENT 'what was asked for, and the reason that was given',
  PRIMARY KEY (id),
  KEY of_event (event_id)
) ENGINE=InnoDB
  COMMENT='What operators did. Written and read by mbevctl';
CREATE TABLE IF NOT EXISTS pulse (
  slot_utc DATETIME NOT NULL
           COMMENT 'start of the five minutes',
  name     VARCHAR(16) CHARACTER SET ascii NOT NULL
           COMMENT 'events: what was captured; else a lane, as delivery.lane',
  good     INT UNSIGNED NOT NULL DEFAULT 0
           COMMENT 'events captured; deliveries done',
  again    INT UNSIGNED NOT NULL DEFAULT 0
           COMMENT 'attempts that failed and are repeated',
  bad      INT UNSIGNED NOT NULL DEFAULT 0
           COMMENT 'events not understood; deliveries dead, doubtful or expired',
  PRIMARY KEY (slot_utc, name)
) ENGINE=InnoDB
  COMMENT='Counts of the last days. Written by mbevd, read by its status page';
CREATE TABLE IF NOT EXISTS api_credit (
  record_id BIGINT UNSIGNED NOT NULL
            COMMENT 'addons_pay_api.record_id',
  event_id  BIGINT UNSIGNED NOT NULL
            COMMENT 'event.id of the payment of type 62 that it became',
  PRIMARY KEY (record_id)
) ENGINE=InnoDB
  COMMENT='Credited bonuses and their payments. Written and read by mbevd';
CREATE TABLE IF NOT EXISTS owner (
  name            VARCHAR(16) CHARACTER SET ascii NOT NULL
                  COMMENT 'what is owned; one row: main',
  epoch           BIGINT UNSIGNED NOT NULL
                  COMMENT 'fence: raised by each takeover',
  holder          VARCHAR(255) NOT NULL
                  COMMENT 'host and doorbell of the service that holds it',
  lease_until_utc DATETIME(3) NOT NULL
                  COMMENT 'after this another service may take over',
  inherited_id    BIGINT UNSIGNED NOT NULL DEFAULT 0
                  COMMENT 'deliveries up to this one may have been begun by another holder',
  inherited_utc   DATETIME(3) NOT NULL DEFAULT '2000-01-01'
                  COMMENT 'start of the server at that time: of what was captured before, it may have forgotten attempts',
  inherited_epoch BIGINT UNSIGNED NOT NULL DEFAULT 0
                  COMMENT 'first epoch of this holder: what was claimed since, was claimed by it',
  PRIMARY KEY (name)
) ENGINE=InnoDB
  COMMENT='Lease of the acting service. Written by mbevd';
INSERT IGNORE INTO owner (name, epoch, holder, lease_until_utc)
VALUES ('main', 0, '', '2000-01-01');
CREATE TABLE IF NOT EXISTS payment_kind (
  bughtypeid SMALLINT UNSIGNED NOT NULL
             COMMENT 'bugh_plategi_stat.bughtypeid',
  kind       ENUM('ignore','payment','refund','credit_limit','api') NOT NULL
             COMMENT 'api = api_payment or api_refund, by the sign of the sum',
  origin     ENUM('default','billing','operator') NOT NULL DEFAULT 'operator'
             COMMENT 'default = ours, billing = from bugh_plategi_type at installation, operator = set by hand',
  comment    VARCHAR(255) NOT NULL DEFAULT ''
             COMMENT 'name of the type',
  PRIMARY KEY (bughtypeid)
) ENGINE=InnoDB
  COMMENT='Meaning of payment types. Filled by sql/triggers.sql, changed by the DBA; types not listed follow bugh_plategi_type.deposit_action';
CREATE TABLE IF NOT EXISTS installation (
  billing        VARCHAR(64) NOT NULL
                 COMMENT 'name of the billing database',
  generation     ENUM('legacy','modern') NOT NULL
                 COMMENT 'modern = users.state exists',
  first_plategid BIGINT UNSIGNED NOT NULL
                 COMMENT 'highest bugh_plategi_stat.plategid before the triggers',
  first_uslid    BIGINT UNSIGNED NOT NULL
                 COMMENT 'highest bugh_uslugi_stat.uslid before the triggers',
  installed_utc  DATETIME(3) NOT NULL
                 COMMENT 'when triggers.sql ran first',
  PRIMARY KEY (billing)
) ENGINE=InnoDB
  COMMENT='The captured billing, one row. Written by sql/triggers.sql';
CREATE OR REPLACE SQL SECURITY INVOKER VIEW debezium_outbox AS
SELECT id,
       'subscriber'       AS aggregatetype,
       CAST(uid AS CHAR)  AS aggregateid,
       kind               AS type,
       body               AS payload,
       captured_utc       AS `timestamp`
FROM event
WHERE problem IS NULL;
INSERT IGNORE INTO schema_version (version, installed_utc)
SELECT 7, UTC_TIMESTAMP(3) FROM information_schema.tables
WHERE table_schema = 'mikbill_events' AND table_name = 'pulse'
  AND (SELECT COUNT(*) FROM information_schema.columns
       WHERE table_schema = 'mikbill_events'
         AND (table_name = 'delivery' AND column_name = 'log_id'
              OR table_name = 'owner' AND column_name = 'inherited_id'
              OR table_name = 'owner' AND column_name = 'inherited_epoch'
              OR table_name = 'delivery' AND column_name = 'dry'
              OR table_name = 'delivery' AND column_name = 'action'
                 AND column_comment LIKE '%session_reset%')) = 5;
