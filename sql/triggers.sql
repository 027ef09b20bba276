-- mikbill-events: the triggers on the billing's tables.
--
--   mysql BILLING < sql/triggers.sql      (BILLING: name of the billing)
--
-- Needs: sql/schema.sql and sql/grants.sql first; SELECT, TRIGGER and LOCK
-- TABLES on the billing, SET USER or SUPER, INSERT, UPDATE and DELETE on
-- mikbill_events.*: run it as root.
-- Refuses, with the reason and the cure, what it must not be run on, and has
-- changed nothing then. So never mysql --force. Undo: sql/uninstall.sql.
--
-- Safe on a live billing: no billing statement waits for it more than 3 s.
-- Where a long query or transaction holds a table it gives up with a lock
-- wait error; what was done until then works, run it again.
-- Running it again is harmless: each trigger is replaced while its table is
-- locked, so no change goes by uncaptured, and what the DBA changed in
-- payment_kind stays. Run it again after functions of mbev.so were restored:
-- triggers in the table cache would go on without them, in silence.
--
-- The label mikbill_events before each BEGIN is how we know our own triggers:
-- the mysql client does not send comments.

SET NAMES utf8mb4;
SET SESSION sql_mode = '';
SET SESSION lock_wait_timeout = 2;
SET SESSION innodb_lock_wait_timeout = 2;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;

-- 1. Refuse what this must not be run on.

-- (MySQL has no compound statement here; there the reason is told as the name
-- of a column that nobody has.)
SET @mbev_reason = IF(EXISTS (
  SELECT 1 FROM information_schema.routines
  WHERE routine_schema = 'mikbill_events' AND routine_name = 'install_check'),
  NULL, 'mikbill_events is not here, or not for you: schema.sql first, as root');

DELIMITER //
/*M!100500
BEGIN NOT ATOMIC
  IF @mbev_reason IS NOT NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @mbev_reason;
  END IF;
END */ //
DELIMITER ;
SET @mbev_text = IF(@mbev_reason IS NULL, 'DO 0',
                    CONCAT('SELECT `', REPLACE(@mbev_reason, '`', '``'), '`'));
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;

CALL mikbill_events.install_check(DATABASE());

-- 2. What the payment types mean. INSERT IGNORE: rows that are there stay.

-- Our defaults: movements of money that are no payment of a subscriber.
INSERT IGNORE INTO mikbill_events.payment_kind (bughtypeid, kind, origin)
VALUES
  (7, 'refund', 'default'), (18, 'credit_limit', 'default'),
  (62, 'api', 'default'),
  (1, 'ignore', 'default'), (2, 'ignore', 'default'),
  (6, 'ignore', 'default'), (9, 'ignore', 'default'),
  (10, 'ignore', 'default'), (15, 'ignore', 'default'),
  (16, 'ignore', 'default'), (17, 'ignore', 'default'),
  (20, 'ignore', 'default'), (21, 'ignore', 'default'),
  (22, 'ignore', 'default'), (23, 'ignore', 'default'),
  (24, 'ignore', 'default'), (25, 'ignore', 'default'),
  (26, 'ignore', 'default'), (27, 'ignore', 'default'),
  (29, 'ignore', 'default'), (30, 'ignore', 'default'),
  (32, 'ignore', 'default'), (33, 'ignore', 'default'),
  (34, 'ignore', 'default'), (35, 'ignore', 'default'),
  (36, 'ignore', 'default'), (39, 'ignore', 'default'),
  (42, 'ignore', 'default'), (43, 'ignore', 'default'),
  (46, 'ignore', 'default'), (48, 'ignore', 'default'),
  (49, 'ignore', 'default'), (50, 'ignore', 'default'),
  (51, 'ignore', 'default'), (64, 'ignore', 'default'),
  (65, 'ignore', 'default'), (72, 'ignore', 'default'),
  (73, 'ignore', 'default'), (74, 'ignore', 'default'),
  (75, 'ignore', 'default'), (78, 'ignore', 'default'),
  (79, 'ignore', 'default'), (93, 'ignore', 'default'),
  (99, 'ignore', 'default'), (100, 'ignore', 'default'),
  (103, 'ignore', 'default'), (104, 'ignore', 'default'),
  (105, 'ignore', 'default');

-- Their names, as this billing calls them.
UPDATE mikbill_events.payment_kind AS ours
JOIN bugh_plategi_type AS theirs USING (bughtypeid)
SET ours.comment = theirs.typename
WHERE ours.origin = 'default' AND ours.comment = '';

-- Every other type of this billing: what adds to the deposit is a payment.
INSERT IGNORE INTO mikbill_events.payment_kind
  (bughtypeid, kind, origin, comment)
SELECT bughtypeid, IF(deposit_action = '+', 'payment', 'ignore'), 'billing',
       typename
FROM bugh_plategi_type;

-- 3. From where on this billing is captured. The keys are those of the first
--    time; the generation follows the billing.

INSERT INTO mikbill_events.installation
  (billing, generation, first_plategid, first_uslid, installed_utc)
SELECT DATABASE(),
       IF(EXISTS (SELECT 1 FROM information_schema.columns
                  WHERE table_schema = DATABASE() AND table_name = 'users'
                    AND column_name = 'state'), 'modern', 'legacy'),
       (SELECT IFNULL(MAX(plategid), 0) FROM bugh_plategi_stat),
       (SELECT IFNULL(MAX(uslid), 0) FROM bugh_uslugi_stat),
       UTC_TIMESTAMP(3)
ON DUPLICATE KEY UPDATE generation = VALUES(generation);

-- 4. The triggers.
--
-- CREATE TRIGGER would wait twice, for writers of the table and then for
-- readers, and the billing would wait behind it. One LOCK TABLES waits, once,
-- and the rest is done under it: also to drop the trigger of before, which not
-- every server replaces in one step.
--
-- (MySQL 5.6 waits twice all the same: it locks the outbox along.)
--
-- What holds in every body:
--   * No error of ours reaches the billing: the first handler. What it
--     swallows is not captured: see "When something goes wrong" in README.md.
--   * A wait or a deadlock cannot be handled. So: no read, and one INSERT of
--     one row into a table that nobody locks.
--   * Text is converted here: mbev_json takes UTF-8.

SET SESSION lock_wait_timeout = 1;
/*M!100500 SET SESSION lock_wait_timeout = 2 */;
/*!50701 SET SESSION lock_wait_timeout = 2 */;

-- Purpose: payments, refunds, credit limits.
-- Reads:   nothing. What a type means, the service looks up in payment_kind.
-- Writes:  one row of outbox; its kind is the number of the type.
-- Costs:   a comparison for the types listed here; an insert and a datagram
--          for the others.
--
-- Listed are the fees and blocks that the billing books by itself, a row for
-- every subscriber in one night. One of them that payment_kind calls anything
-- but ignore is captured a minute or two later, by comparison with the billing.
--
-- kopecks: rounded as the billing rounds, by ROUND(summa, 2) of the double.

DELIMITER //
LOCK TABLES bugh_plategi_stat WRITE //
DROP TRIGGER IF EXISTS mbev_ai_bugh_plategi_stat //
CREATE DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ai_bugh_plategi_stat AFTER INSERT ON bugh_plategi_stat
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF NEW.bughtypeid IN (1, 2, 9, 20, 21, 22, 29, 32, 39, 42, 43, 50, 51, 65,
                        104) THEN
    LEAVE mikbill_events;
  END IF;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), NEW.bughtypeid, mbev_json(
    'v', 1,
    'table', 'bugh_plategi_stat',
    'id', NEW.plategid,
    'uid', NEW.uid,
    'date', NEW.date,
    'age_s', TIMESTAMPDIFF(SECOND, NEW.date, NOW()),
    'type', NEW.bughtypeid,
    'summa', NEW.summa,
    'kopecks', CAST(ROUND(ROUND(NEW.summa, 2) * 100) AS SIGNED),
    'before', NEW.before_billing,
    'who', NEW.who,
    'comment', CONVERT(NEW.comment USING utf8mb4)));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Purpose: credits taken: usluga 1 (credit), 2 (credit with percents).
-- Reads:   nothing.
-- Writes:  one row of outbox.
-- Costs:   nothing for other services; an insert and a datagram for a credit.

LOCK TABLES bugh_uslugi_stat WRITE //
DROP TRIGGER IF EXISTS mbev_ai_bugh_uslugi_stat //
CREATE DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ai_bugh_uslugi_stat AFTER INSERT ON bugh_uslugi_stat
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF NEW.usluga NOT IN (1, 2) THEN
    LEAVE mikbill_events;
  END IF;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), 'credit', mbev_json(
    'v', 1,
    'table', 'bugh_uslugi_stat',
    'id', NEW.uslid,
    'uid', NEW.uid,
    'date', NEW.date_start,
    'age_s', TIMESTAMPDIFF(SECOND, NEW.date_start, NOW()),
    'usluga', NEW.usluga,
    'summa', NEW.summa,
    'kopecks', CAST(ROUND(ROUND(NEW.summa, 2) * 100) AS SIGNED),
    'credit', NEW.credit,
    'gid', NEW.gid));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Purpose: change of tariff of a subscriber.
-- Reads:   nothing.
-- Writes:  one row of outbox when gid changed.
-- Costs:   a comparison for every other update, and users is updated all day;
--          an insert and a datagram for a change.

LOCK TABLES users WRITE //
DROP TRIGGER IF EXISTS mbev_au_users //
CREATE DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_au_users AFTER UPDATE ON users
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF OLD.gid <=> NEW.gid THEN
    LEAVE mikbill_events;
  END IF;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), 'tariff_change', mbev_json(
    'v', 1,
    'table', 'users',
    'uid', NEW.uid,
    'gid_old', OLD.gid,
    'gid_new', NEW.gid));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Purpose: change of tariff of a frozen subscriber.
-- Reads:   nothing.
-- Writes:  one row of outbox when gid changed.
-- Costs:   a comparison for every other update; an insert and a datagram for a
--          change.

LOCK TABLES usersfreeze WRITE //
DROP TRIGGER IF EXISTS mbev_au_usersfreeze //
CREATE DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_au_usersfreeze AFTER UPDATE ON usersfreeze
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF OLD.gid <=> NEW.gid THEN
    LEAVE mikbill_events;
  END IF;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), 'tariff_change', mbev_json(
    'v', 1,
    'table', 'usersfreeze',
    'uid', NEW.uid,
    'gid_old', OLD.gid,
    'gid_new', NEW.gid));
  DO mbev_ring();
END //
UNLOCK TABLES //
DELIMITER ;

-- 5. All of them are new. Not every server tells of a trigger when it was made.

DELETE FROM mikbill_events.milestone WHERE source = 'triggers';
INSERT INTO mikbill_events.milestone (source, at_utc, row_id)
VALUES ('triggers', UTC_TIMESTAMP(3), 0);
