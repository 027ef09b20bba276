-- mikbill-events: take everything out again.
--
--   systemctl stop mbevd
--   mysql BILLING < sql/uninstall.sql     (BILLING: name of the billing)
--
-- Needs: the rights that installing needed, and DROP and DROP USER: run it as
-- root.
-- The billing comes first and is as it was before, in any case: the triggers
-- go, whatever else is missing. Then functions, our database and the accounts,
-- but only when no trigger of ours is left anywhere (one without its definer
-- would fail the billing's statements, 1449) and no work is undone: captured
-- events not taken over, deliveries not finished, receipts not fiscal. Let
-- mbevd finish them and run this again, or insist:
--
--   mysql --init-command='SET @mbev_discard_events = 1' BILLING < uninstall.sql
--
-- Safe on a live billing: no billing statement waits for it more than 3 s.
-- Where a long query or transaction holds a table it gives up with a lock
-- wait error; run it again. Running it again is harmless.

SET NAMES utf8mb4;
SET SESSION sql_mode = '';
SET SESSION lock_wait_timeout = 2;
SET SESSION innodb_lock_wait_timeout = 2;

-- 1. Refuse to drop a stranger's trigger that has a name of ours. (MySQL has no
--    compound statement here; there the reason is told as the name of a column
--    that nobody has.)

SET @mbev_reason = IF(DATABASE() IS NULL,
  'no database selected: mysql BILLING < sql/uninstall.sql', NULL);
SELECT CONCAT('trigger ', trigger_name, ' is not ours: rename it')
INTO @mbev_reason FROM information_schema.triggers
WHERE trigger_schema = DATABASE()
  AND trigger_name IN ('mbev_ai_bugh_plategi_stat',
                       'mbev_ai_bugh_uslugi_stat', 'mbev_au_bugh_uslugi_stat',
                       'mbev_au_users', 'mbev_ad_users',
                       'mbev_ai_usersfreeze', 'mbev_au_usersfreeze',
                       'mbev_ad_usersfreeze',
                       'mbev_ai_usersblok', 'mbev_ad_usersblok',
                       'mbev_ai_usersdel', 'mbev_ad_usersdel')
  AND definer <> 'mbev_trigger@localhost'
  AND action_statement NOT LIKE 'mikbill\_events:%' LIMIT 1;

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

-- 2. The triggers. DROP TRIGGER waits twice, for writers of the table and then
--    for readers, and the billing waits behind it: lock_wait_timeout limits
--    each wait, the statement's own limit, where there is one, both together.

SET SESSION lock_wait_timeout = 1;
/*M!100500 SET SESSION lock_wait_timeout = 2, max_statement_time = 2.5 */;

DROP TRIGGER IF EXISTS mbev_ai_bugh_plategi_stat;
DROP TRIGGER IF EXISTS mbev_ai_bugh_uslugi_stat;
DROP TRIGGER IF EXISTS mbev_au_bugh_uslugi_stat;
DROP TRIGGER IF EXISTS mbev_au_users;
DROP TRIGGER IF EXISTS mbev_ad_users;
DROP TRIGGER IF EXISTS mbev_ai_usersfreeze;
DROP TRIGGER IF EXISTS mbev_au_usersfreeze;
DROP TRIGGER IF EXISTS mbev_ad_usersfreeze;
DROP TRIGGER IF EXISTS mbev_ai_usersblok;
DROP TRIGGER IF EXISTS mbev_ad_usersblok;
DROP TRIGGER IF EXISTS mbev_ai_usersdel;
DROP TRIGGER IF EXISTS mbev_ad_usersdel;

/*M!100500 SET SESSION max_statement_time = 0 */;
SET SESSION lock_wait_timeout = 2;

-- 3. The rest, each step only when nothing is in the way: under mysql --force
--    too. What is in the way ends the script with the reason.

SET @mbev_undone = 0, @mbev_obstacle = NULL;
SET @mbev_host = SUBSTRING_INDEX(CURRENT_USER(), '@', -1);
SET @mbev_user = LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER())
                                      - CHAR_LENGTH(@mbev_host) - 1);

-- Work undone, where our tables are still there.
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.tables
   WHERE table_schema = 'mikbill_events'
     AND table_name IN ('outbox', 'delivery')) = 2,
  'SELECT (SELECT COUNT(*) FROM mikbill_events.outbox)
        + (SELECT COUNT(*) FROM mikbill_events.delivery
           WHERE state IN (''ready'', ''leased'', ''calling'', ''retry'', ''held''))
        INTO @mbev_undone',
  'DO 0');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;

-- Receipts that Komtet has and the till has not done, and those in error.
SET @mbev_open = 0;
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.tables
   WHERE table_schema = 'mikbill_events' AND table_name = 'receipt') = 1,
  'SELECT COUNT(*) INTO @mbev_open FROM mikbill_events.receipt
   WHERE stage IN (''accepted'', ''failed'', ''refused'', ''doubtful'')',
  'DO 0');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
SET @mbev_undone = @mbev_undone + @mbev_open;

-- Who lacks TRIGGER does not see the triggers that are left.
SELECT CASE
  WHEN NOT EXISTS (
    SELECT 1 FROM information_schema.user_privileges
    WHERE privilege_type = 'TRIGGER'
      AND grantee = CONCAT('\'', @mbev_user, '\'@\'', @mbev_host, '\''))
  THEN 'triggers are gone; the rest needs TRIGGER on *.*: run as root'
  WHEN EXISTS (
    SELECT 1 FROM information_schema.triggers
    WHERE definer = 'mbev_trigger@localhost')
  THEN (
    SELECT CONCAT('trigger ', trigger_schema, '.', trigger_name,
                  ' is left: run uninstall.sql there')
    FROM information_schema.triggers
    WHERE definer = 'mbev_trigger@localhost' LIMIT 1)
  WHEN EXISTS (
    SELECT 1 FROM information_schema.triggers
    WHERE action_statement LIKE '%;%mikbill\_events: BEGIN%')
  THEN (
    SELECT CONCAT('trigger ', trigger_schema, '.', trigger_name,
                  ' still has our block in it: take it out')
    FROM information_schema.triggers
    WHERE action_statement LIKE '%;%mikbill\_events: BEGIN%' LIMIT 1)
  WHEN @mbev_undone > 0 AND IFNULL(@mbev_discard_events, 0) <> 1
  THEN CONCAT('triggers are gone, the rest kept: ', @mbev_undone,
              ' undone. Let mbevd finish, or SET @mbev_discard_events = 1')
END INTO @mbev_obstacle;

DELIMITER //
/*M!100500
BEGIN NOT ATOMIC
  IF @mbev_obstacle IS NOT NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @mbev_obstacle;
  END IF;
END */ //
DELIMITER ;
SET @mbev_text = IF(@mbev_obstacle IS NULL, 'DO 0',
                    CONCAT('SELECT `', REPLACE(@mbev_obstacle, '`', '``'), '`'));
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;

-- The functions: not into the binary log, as they came. MySQL cannot prepare
-- this: there --force takes them in any case, and a trigger that is left
-- captures nothing. (On MariaDB the plain statements name nothing that is.)
SET SESSION sql_log_bin = 0;
DROP FUNCTION IF EXISTS /*M! mikbill_events. */ mbev_json;
DROP FUNCTION IF EXISTS /*M! mikbill_events. */ mbev_ring;
DROP FUNCTION IF EXISTS /*M! mikbill_events. */ mbev_version;
/*M!100500 EXECUTE IMMEDIATE IF(@mbev_obstacle IS NULL,
  'DROP FUNCTION IF EXISTS mbev_json', 'DO 0') */;
/*M!100500 EXECUTE IMMEDIATE IF(@mbev_obstacle IS NULL,
  'DROP FUNCTION IF EXISTS mbev_ring', 'DO 0') */;
/*M!100500 EXECUTE IMMEDIATE IF(@mbev_obstacle IS NULL,
  'DROP FUNCTION IF EXISTS mbev_version', 'DO 0') */;
SET SESSION sql_log_bin = 1;

-- Our database.
SET @mbev_text = IF(@mbev_obstacle IS NULL,
  'DROP DATABASE IF EXISTS mikbill_events', 'DO 0');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;

-- The accounts, the definer among them.
SELECT GROUP_CONCAT(DISTINCT grantee) INTO @mbev_accounts
FROM information_schema.user_privileges
WHERE grantee IN ('\'mbev_trigger\'@\'localhost\'',
                  '\'mbev_service\'@\'localhost\'',
                  '\'mbev_reader\'@\'localhost\'');
SET @mbev_text = IF(@mbev_obstacle IS NULL AND @mbev_accounts IS NOT NULL,
                    CONCAT('DROP USER ', @mbev_accounts), 'DO 0');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;
