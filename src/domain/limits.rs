//! Every bound, with its reason. What has no bound here has none anywhere, and that would be a bug.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Records in one call: the inbound API that feeders are written for allows as many.
pub const RECORDS_A_CALL: usize = 100;
/// Bytes of a request's body: a hundred long conversations fit.
pub const REQUEST_BYTES: usize = 1024 * 1024;
/// Levels that a call's JSON may nest; no record needs more than four.
pub const JSON_DEPTH: usize = 128;
/// How far ahead of our clock the time of a feedback may be: clocks differ by minutes.
pub const FEEDBACK_AHEAD: Duration = Duration::from_mins(5);
/// Bytes of an Idempotency-Key that a relay's sender gives: the longest that we send ourselves fits, with
/// both ids of the other system encoded.
pub const RELAY_KEY_BYTES: usize = 2048;
/// A relay answers within this, or says that it can't yet: its sender waits for 5 seconds.
pub const RELAY_ANSWER: Duration = Duration::from_secs(4);
/// When the sender of an alert may come again to a relay that is switched off: people switch it on.
pub const RELAY_OFF_WAIT: Duration = Duration::from_secs(60);
/// Bytes of a name or a value that the sender gave and that a refusal repeats.
pub const REPEATED_BYTES: usize = 100;
/// Bytes of a record's id, and of an org's: they travel in a header and in every index.
pub const ID_BYTES: usize = 255;
/// User-perceived characters of feedback that an alert carries.
pub const EXCERPT_GRAPHEMES: usize = 500;
/// Bytes of the same excerpt: one grapheme has no upper bound of its own. Five hundred of the longest
/// emoji sequences in use fit, so that this cuts nothing that people write.
pub const EXCERPT_BYTES: usize = 32 * 1024;
/// Bytes of a record's short texts: source, type, channel, segment, product area, tag, name of metadata.
pub const RECORD_WORD_BYTES: usize = 1024;
/// Bytes of a link to the source: signed links are long, and it travels in the alert.
pub const SOURCE_URL_BYTES: usize = 8 * 1024;
/// Tags of one record, and texts of one value of its metadata: conditions look at each.
pub const RECORD_TEXTS: usize = 1000;
/// Values in one record's metadata.
pub const RECORD_METADATA: usize = 1000;
/// Messages of one conversation.
pub const RECORD_MESSAGES: usize = 5000;
/// Records that came in last and are kept in memory, so that a filter can be tried before it is saved.
pub const RECENT_RECORDS: usize = 200;
/// Bytes of those records, roughly: two hundred long conversations could have ten times as many.
pub const RECENT_BYTES: usize = 16 * 1024 * 1024;
/// Values that are suggested for one field of a condition: more is no list to choose from.
pub const SUGGESTED_VALUES: usize = 20;
/// Bytes of a value that is suggested: what is longer is no word to choose by.
pub const SUGGESTED_BYTES: usize = 200;
/// Names of metadata that are suggested, those that most records have: the list is shown to a person.
pub const SUGGESTED_FIELDS: usize = 200;
/// Bytes of what a dry run says, roughly: with many automations each record makes many bodies.
pub const DRY_RUN_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a response's body that are read and kept: enough for an error message.
pub const RESPONSE_EXCERPT_BYTES: usize = 16 * 1024;
/// Bytes of a URL: what common servers accept.
pub const URL_BYTES: usize = 2048;
/// Bytes of a custom header's name.
pub const HEADER_NAME_BYTES: usize = 64;
/// Bytes of a credential: more does not fit common servers' header limits.
pub const CREDENTIAL_BYTES: usize = 4096;
/// Addresses of a name that one attempt may try: the time to connect is divided among them.
pub const ADDRESSES_A_CONNECTION: usize = 8;
/// Names whose addresses are remembered, for each thread that sends.
pub const NAMES_KEPT: u64 = 1024;
/// How long the answer of a name server is used, whatever its TTL says.
pub const NAME_ANSWER_KEPT: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(60);
/// How long a name that does not exist is not asked for again: it may be about to be made.
pub const UNKNOWN_NAME_KEPT: Duration = Duration::from_secs(5);
/// A name server that is silent this long is asked again, or another one is.
pub const NAME_LOOKUP_TRY: Duration = Duration::from_millis(1500);
/// When one address family of a name is known, the other is waited for this long (RFC 8305).
pub const OTHER_FAMILY: Duration = Duration::from_millis(50);
/// Lookups of the operating system's resolver at once: they can't be given up, and each holds a thread.
pub const SYSTEM_LOOKUPS: usize = 64;
/// A lookup that only checks a destination behind a proxy takes no more than this of its attempt.
pub const LOOKUP_BEFORE_PROXY: Duration = Duration::from_millis(500);
/// A kept connection that was not used for this long is closed: a firewall may have forgotten it.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(20);
/// Idle connections that are kept for each destination.
pub const IDLE_CONNECTIONS: usize = 512;
/// TLS sessions remembered, so that a new connection to the same destination is cheap.
pub const TLS_SESSIONS: usize = 256;
/// Characters of an error's cause that are kept: some of them may be a receiver's own words.
pub const FAULT_DETAIL_CHARS: usize = 500;
/// Bytes of the name of a thing that people name.
pub const NAME_BYTES: usize = 200;
/// Integrations of one automation: an alert fans out to each in one transaction.
pub const INTEGRATIONS_AN_AUTOMATION: usize = 200;
/// Nodes of one condition: it is evaluated for every record.
pub const CONDITION_NODES: usize = 200;
/// Levels that a condition nests: it is evaluated by recursion.
pub const CONDITION_DEPTH: usize = 16;
/// Bytes that a compiled `matches` pattern may take.
pub const PATTERN_BYTES: usize = 256 * 1024;
/// Values that one `in` or `not_in` lists.
pub const CONDITION_VALUES: usize = 1000;
/// Bytes of a text that a condition compares with.
pub const CONDITION_TEXT_BYTES: usize = 4096;
/// Waiting deliveries that a destination holds in memory; the rest stays on disk.
pub const WINDOW: usize = 64;
/// Attempts of one destination that are claimed, on the wire, or not yet written down. It bounds what
/// may be sent twice after a crash, and what a store that stands still can leave unwritten.
pub const OUTSTANDING: usize = 128;
/// Crashes of a destination's actor by one delivery before that delivery is dead.
pub const CRASHES_A_DELIVERY: u32 = 3;
/// An idle destination's actor is put to sleep after this.
pub const IDLE_BEFORE_SLEEP: Duration = Duration::from_secs(60);
/// No timer sleeps longer than this before it looks at the wall clock again: a suspended machine or a
/// stepped clock is noticed within it.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// Deaths of an actor within [`INTENSITY_SPAN`] that park it.
pub const INTENSITY: usize = 5;
/// See [`INTENSITY`].
pub const INTENSITY_SPAN: Duration = Duration::from_secs(60);
/// A parked actor is tried again this often.
pub const PARKED_FOR: Duration = Duration::from_mins(10);
/// Bytes of alert bodies kept in memory for deliveries about to be sent.
pub const HOT_BODY_BYTES: usize = 8 * 1024 * 1024;
/// A stop waits this long for attempts in flight: all of it fits into the contract's 10 seconds.
pub const DRAIN: Duration = Duration::from_secs(8);
/// At a start of the service, destinations with waiting deliveries begin this much apart on average, so
/// that they don't all begin at once.
pub const HERD_GAP: Duration = Duration::from_millis(125);
/// The longest that a destination waits for its turn at a start of the service.
pub const HERD_SPREAD: Duration = Duration::from_secs(6);
/// How often the supervisor looks for actors that ended without a word.
pub const SWEEP: Duration = Duration::from_secs(5);
/// Bytes of a request's body that `belfry listen` reads: well above any alert.
pub const RECEIVER_BODY_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a request's head that `belfry listen` reads.
pub const RECEIVER_HEAD_BYTES: usize = 64 * 1024;
/// Fields of a request's head that `belfry listen` reads: they lie on the stack.
pub const RECEIVER_HEAD_FIELDS: usize = 64;
/// Connections that `belfry listen` serves at once.
pub const RECEIVER_CONNECTIONS: usize = 4096;
/// How long `belfry listen` takes no connection after the machine refused one.
pub const RECEIVER_ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A TLS handshake with `belfry listen` that takes longer is given up.
pub const RECEIVER_HANDSHAKE: Duration = Duration::from_secs(10);
/// Alerts that `belfry listen` remembers, to tell retries and duplicates: the oldest is forgotten first.
pub const RECEIVER_ALERTS: usize = 1_000_000;
/// Bytes of an answer of the API that the command line reads: a page of deliveries is far below.
pub const API_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// How often the command line sends a call again that the service could not take at that moment.
pub const API_TRIES: u32 = 6;
/// The longest that the command line waits before it sends a call again.
pub const API_PAUSE: Duration = Duration::from_secs(30);
/// A call of the command line that takes longer is given up.
pub const API_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of one file of records: what it holds as one JSON array is held in memory at once.
pub const RECORDS_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of `belfry.toml`: the one that `belfry init` writes has some three thousand.
pub const CONFIG_BYTES: u64 = 1024 * 1024;
/// Bytes of a file of certificates: the bundle of all public authorities has a quarter of a million.
pub const CERTIFICATES_BYTES: u64 = 4 * 1024 * 1024;
/// Commands that may wait for the store's thread: one of each destination, and intake beside them.
pub const STORE_COMMANDS: usize = 32 * 1024;
/// Calls of intake that may wait for the store; more are told to come again.
pub const STORE_INTAKE: usize = 1024;
/// Commands of one transaction: past that a commit takes longer without being cheaper.
pub const STORE_BATCH: usize = 256;
/// Rows of one transaction, roughly: those who wait for it wait for all of them.
pub const STORE_BATCH_ROWS: usize = 4096;
/// Rows of new alerts in one transaction, roughly: what came of attempts waits for them.
pub const STORE_INTAKE_ROWS: usize = 128;
/// Chores, such as removing what is old, that may wait for the store.
pub const STORE_CHORES: usize = 4;
/// Rows that one step of removing what is old takes away, roughly: others wait for it.
pub const STORE_SWEEP_ROWS: usize = 500;
/// Alerts that one step of it looks at. Ids follow the clock but for the times at which it was set back:
/// past so many that are young there is nothing old.
pub const STORE_SWEEP_ALERTS: usize = 1000;
/// How long the store waits for a lock that nobody else should hold.
pub const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// After so long without a command the database's log is emptied: one flipped bit in it costs all that
/// comes behind it.
pub const STORE_QUIET: Duration = Duration::from_secs(5);
/// Bytes of the database's pages: smaller ones make a commit write less.
pub const STORE_PAGE_BYTES: u64 = 4096;
/// Pages that the log takes before they are brought into the database.
pub const STORE_LOG_PAGES: u64 = 4000;
/// Pages at which readings are waited for, so that the log can begin anew.
pub const STORE_LOG_PAGES_MOST: u64 = STORE_LOG_BYTES / STORE_PAGE_BYTES;
/// How long they are waited for.
pub const STORE_LOG_WAIT: Duration = Duration::from_millis(200);
/// Bytes written to see whether there is room again: about what a commit needs.
pub const STORE_PROBE_BYTES: u32 = 64 * 1024;
/// How long a start looks for damage: a small database is looked at whole.
pub const STORE_CHECK: Duration = Duration::from_millis(300);
/// Ids of deliveries rise with time, but where a clock was set back. So many ids beyond a span of time
/// are still looked at for some that belong into it.
pub const STRAGGLERS: i64 = 10_000;
/// Readings that may wait for the readers: one of each destination, and people beside them.
pub const STORE_READINGS: usize = 32 * 1024;
/// Bytes that the database's log may have before it is made short.
pub const STORE_LOG_BYTES: u64 = 64 * 1024 * 1024;
/// A reading that takes longer is broken off: it would keep the log from being made short.
pub const READING: Duration = Duration::from_secs(10);
/// Bytes kept back on disk, so that results can be written when it is full.
pub const DISK_RESERVE_BYTES: u64 = 8 * 1024 * 1024;
/// With less than this free on disk, or a tenth of it, there is a warning.
pub const DISK_SHORT_BYTES: u64 = 512 * 1024 * 1024;
/// With less than this free on disk, or a fiftieth of it, nothing new is taken.
pub const DISK_LOW_BYTES: u64 = 64 * 1024 * 1024;
/// A request's body that takes longer is given up: a slow sender must not hold a connection for ever.
pub const REQUEST_TIME: Duration = Duration::from_secs(10);
/// A request's head that takes longer is given up, for the same reason.
pub const REQUEST_HEAD_TIME: Duration = Duration::from_secs(5);
/// A connection without a request is closed after this.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(75);
/// Connections that the API serves at once; each costs a file and some memory.
pub const CONNECTIONS: usize = 1024;
/// Things on one page of a list.
pub const PAGE: usize = 200;
/// Things on one page where the caller doesn't say.
pub const PAGE_DEFAULT: usize = 50;
/// Bytes of a cursor: the longest one names an organisation, each byte of which may be written as three.
pub const CURSOR_BYTES: usize = 3 * ID_BYTES;
/// Sessions of one person: who signs in and never out leaves no more behind.
pub const SESSIONS_A_USER: i64 = 20;
/// A session ends after so long without a request.
pub const SESSION_IDLE: Duration = Duration::from_hours(12);
/// A session ends after so long, however much it is used.
pub const SESSION_LIFE: Duration = Duration::from_hours(7 * 24);
/// How long the link counts by which the first admin sets a password.
pub const FIRST_CODE_LIFE: Duration = Duration::from_hours(7 * 24);
/// How long a key of a creation is remembered.
pub const CREATION_KEY_LIFE: Duration = Duration::from_hours(24);
/// Bytes of such a key.
pub const CREATION_KEY_BYTES: usize = 255;
/// Bytes of a password: fewer are guessed, more are no password.
pub const PASSWORD_BYTES: RangeInclusive<usize> = 12..=256;
/// Passwords that are looked at at once: each takes 19 MiB and a core for a while.
pub const PASSWORDS_AT_ONCE: usize = 2;
/// Passwords that may wait to be looked at; more are told to come again.
pub const PASSWORDS_WAITING: usize = 16;
/// Names and addresses whose wrong passwords are remembered.
pub const SIGN_INS_REMEMBERED: usize = 10_000;
/// Addresses that people try at once: each asks the name servers.
pub const ADDRESSES_TRIED_AT_ONCE: usize = 4;
/// Before the service's own certificate ends, its page says for so long that somebody should renew it.
pub const CERTIFICATE_ENDS_SOON: Duration = Duration::from_hours(21 * 24);
/// Automations of one document: each is compared with all others.
pub const AUTOMATIONS_A_DOCUMENT: usize = 2000;
/// Deliveries that one call acts on: a call must end while its caller waits.
pub const DELIVERIES_A_CALL: usize = 10_000;
/// Deliveries on one page of the log: it is read anew every few seconds, and stays small for slow lines.
pub const LOG_ROWS: usize = 25;
/// Attempts of one delivery that a page shows at once: the history of a short schedule has thousands.
pub const ATTEMPTS_A_PAGE: usize = 20;
/// Automations, and integrations in all, that a page offers to choose from: whoever has more finds them by
/// their own pages.
pub const CHOICES: usize = 200;
/// Bytes of a body that stand in a command line; a longer one is a file beside it, since it fills the
/// screen of whoever pastes it.
pub const CURL_BODY_BYTES: usize = 8 * 1024;
/// Lines of the audit log that are copied to the log at once.
pub const AUDIT_LINES: usize = 100;
/// Tokens whose rights are kept in memory; the rest is read when it is used.
pub const TOKENS_IN_MEMORY: usize = 1024;
/// A token revoked by another process is refused after this, at the latest.
pub const TOKEN_MEMORY: Duration = Duration::from_secs(30);
/// Integrations that the metrics tell by name because their queues are the deepest: each takes some six
/// lines of every scrape, and those who store them pay for each name that ever was.
pub const METRICS_DEEPEST: usize = 100;
/// Integrations that they name beside those because their circuit is open, for the same reason.
pub const METRICS_OPEN: usize = 100;
/// For how long what was read for a scrape serves the next ones: counting a long queue takes the store a
/// moment, and nothing keeps scrapers from asking all the time.
pub const METRICS_KEPT: Duration = Duration::from_secs(1);
/// Attempts of one destination on the wire at once that an integration may ask for.
pub const MAX_IN_FLIGHT: u16 = 64;
/// Requests a second that an integration may ask for: more is as good as no limit.
pub const RATE_LIMIT: u32 = 100_000;
/// The largest factor of a retry schedule: the cap is reached at the second failure with it.
pub const RETRY_FACTOR: f64 = 1_000.0;
/// The shortest first delay: below it, retries are a flood.
pub const RETRY_BASE: Duration = Duration::from_millis(10);
/// The longest that a retry schedule may wait or go on.
pub const RETRY_SPAN: Duration = Duration::from_hours(30 * 24);
/// How long the old signing secret is sent beside the new one.
pub const SIGNING_OVERLAP: Duration = Duration::from_hours(24);
/// A patch that others overtake is laid over the newer version so many times in all.
pub const STALE_TRIES: u32 = 5;
/// Fields of a form: the largest is that of an automation with all the integrations that it may have.
pub const FORM_FIELDS: usize = 10_000;
/// For how long a credential that was typed into a form can still be saved: as long as a sign-in lasts idle.
pub const DRAFT_LIFE: Duration = SESSION_IDLE;
/// How long each minute's counts are kept: the longest span that is shown, and a day beyond it.
pub const MINUTES_KEPT: Duration = Duration::from_hours(8 * 24);
/// A minute's counts are written down within this of its end; before that they are not asked for.
pub const MINUTE_WRITTEN_IN: Duration = Duration::from_secs(5);
/// Attempts that an integration's page is made of: a list that people can look through.
pub const RECENT_ATTEMPTS: usize = 200;
/// Failures that differ, of those: what an operator must know stands among the first.
pub const RECENT_ERRORS: usize = 5;
/// Destinations in trouble that the overview shows: a list that is read at a glance.
pub const TROUBLED: usize = 10;
/// Lines of the audit log that an integration's page looks through for when its status changed.
pub const STATUS_CHANGES: usize = 20;
/// Alerts and deliveries of an automation are counted up to this for a list: it is told as so many or
/// more, and a long queue or a busy day costs no more than that.
pub const COUNTED: usize = 10_000;

/// Bytes of one text that are judged: what a customer means stands in the first pages, and a log file
/// that is pasted behind it says nothing of feeling.
pub const DETECT_TEXT_BYTES: usize = 32 * 1024;
/// Bytes of a record that are judged, newest message first: a hostile record must not hold up others.
pub const DETECT_RECORD_BYTES: usize = 64 * 1024;
/// Reasons that an assessment gives: more than this nobody reads.
pub const DETECT_EVIDENCE: usize = 32;
/// Bytes of the words that one reason repeats.
pub const DETECT_EVIDENCE_BYTES: usize = 160;
/// Earlier messages of a conversation that a shift is measured against: what was said long before
/// them is no mood any more.
pub const DETECT_HISTORY: usize = 50;
/// Phrases that an organisation may add or exclude, stored or in the file: each costs memory.
pub const DETECT_ADDITIONS: usize = 2000;
/// Bytes of such a phrase.
pub const DETECT_PHRASE_BYTES: usize = 200;
/// Places of a phrase: a longer one is a sentence, which nobody says twice.
pub const DETECT_PHRASE_WORDS: usize = 12;
/// Spellings that one phrase with optional words may stand for.
pub const DETECT_PHRASE_SPELLINGS: usize = 32;
/// Steps through the tree of phrases from one word of a text on, and finds on the way. The built-in phrases take
/// fewer than 150; what an organisation makes up must not hold up the records of others.
pub const DETECT_STEPS: usize = 300;
/// Organisations with phrases of their own, stored: a page of the list is made of all of them, and each
/// is read at a start.
pub const PHRASED_ORGANISATIONS: usize = 1000;
/// Places of the phrases of all organisations together, over all spellings of each, and one more for each
/// phrase: they take up to 300 bytes each, and a phrase's text 200, so that all are held in 100 MB at most. A
/// phrase of four words comes to five.
pub const PHRASE_PLACES: usize = 200_000;
/// Bytes of recent records that a preview of phrases judges, the newest first: some hundred milliseconds
/// of one core, also where the texts are hostile.
pub const PHRASE_PREVIEW_BYTES: usize = 2 * 1024 * 1024;
/// Scores of earlier messages that one deletion of old ones takes: others wait for the writer meanwhile.
pub const CONVERSATIONS_SWEPT: usize = 500;
/// Bytes of the file with an organisation's phrases: two thousand long ones fit.
pub const DETECT_FILE_BYTES: u64 = 1024 * 1024;
/// Bytes of a text that a page shows with what was found in it: a long mail fits.
pub const WHY_TEXT_BYTES: usize = 8 * 1024;
/// Records of dry runs that are with the classifier at once, beside those that count.
pub const CLASSIFIER_DRY_RUNS: usize = 1;
/// Bytes of a classifier's answer: one that explains itself at length fits.
pub const CLASSIFIER_ANSWER_BYTES: usize = 64 * 1024;
/// Characters of its own words that are kept: a sentence or two.
pub const CLASSIFIER_WORDS_CHARS: usize = 500;
/// Failures in a row after which the classifier is left alone, but for one record now and then.
pub const CLASSIFIER_FAILURES: u32 = 5;
/// For how long it is left alone at first; each time that it fails again for twice as long.
pub const CLASSIFIER_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause: it is noticed within a minute that it is well again.
pub const CLASSIFIER_PAUSE_MOST: Duration = Duration::from_secs(60);
/// What a dry run takes for all its records together: a person waits for it.
pub const CLASSIFIER_DRY_RUN: Duration = Duration::from_secs(20);
/// Records that may wait for the classifier; more are refused until some are judged.
pub const WAITING_RECORDS: usize = 10_000;
/// Bytes of those records on disk.
pub const WAITING_BYTES: usize = 256 * 1024 * 1024;
/// How soon it is tried again to write down what a waiting record came to, where the store could not.
pub const WAITING_RETRY: Duration = Duration::from_secs(1);
/// Rows of a table that `belfry detect evaluate` measures, and bytes of its file: they are held in memory.
pub const EVALUATED_ROWS: usize = 1_000_000;
/// See `EVALUATED_ROWS`.
pub const EVALUATED_BYTES: u64 = 512 * 1024 * 1024;
/// Characters of an alert's short texts (ids, words, names) that a message shows: more is no label.
pub const NOTICE_WORD_CHARS: usize = 200;
/// Characters of an alert's time that is not understood and shown as it came.
pub const NOTICE_TIME_CHARS: usize = 40;
/// Bytes of feedback that a message shows. An alert's own excerpt is never longer; a relayed body's
/// may be.
pub const NOTICE_EXCERPT_BYTES: usize = 32 * 1024;
/// Bytes of a link that a message carries: Slack's bound for a button, and far above what clients
/// need.
pub const NOTICE_LINK_BYTES: usize = 3000;
/// User-perceived characters of a message's title: Slack's bound for a header, and a long subject.
pub const TITLE_CHARS: usize = 150;
/// Bytes of a template: it is parsed for every message.
pub const TEMPLATE_BYTES: usize = 4096;
/// Work that one rendering may do, in the template engine's units: an instruction each, or 64 bytes
/// read or written. The longest excerpt through three filters takes a tenth of it.
pub const TEMPLATE_FUEL: u64 = 40_000;
/// Levels that a template's calls may nest; ours have none.
pub const TEMPLATE_DEPTH: usize = 32;
/// Bytes of a rendered text that are kept.
pub const TEMPLATE_OUTPUT_BYTES: usize = NOTICE_EXCERPT_BYTES;
/// Characters of a template engine's own words that an error repeats.
pub const TEMPLATE_CAUSE_CHARS: usize = 200;
/// UTF-16 units of one text object in Slack; its documentation says characters, and this is the
/// strictest way to count them.
pub const SLACK_TEXT_UNITS: usize = 3000;
/// UTF-16 units of a header block's text.
pub const SLACK_HEADER_UNITS: usize = 150;
/// UTF-16 units of one field of a section block.
pub const SLACK_FIELD_UNITS: usize = 2000;
/// Section blocks that feedback is spread over before it is cut: four hold 500 of the longest
/// emoji.
pub const SLACK_EXCERPT_SECTIONS: usize = 4;
/// UTF-16 units of the text that notifications and old clients show.
pub const SLACK_FALLBACK_UNITS: usize = 1000;
/// User-perceived characters of feedback in that text: a notification shows fewer.
pub const SLACK_FALLBACK_EXCERPT_CHARS: usize = 200;
/// Addresses of one email integration: all of them stand in one mail and in one transaction.
pub const EMAIL_ADDRESSES: usize = 50;
/// Characters of a mail server's words that are kept of one reply.
pub const SMTP_WORDS_CHARS: usize = 200;
/// Bytes that a mail server may say between two of our lines.
pub const SMTP_REPLY_BYTES: usize = 64 * 1024;
/// What an attempt by mail may take at the very most: `smtp.timeout` is at most five minutes.
pub const SMTP_ATTEMPT: Duration = Duration::from_secs(302);
/// For how long a kept connection may take to say that it is there.
pub const SMTP_CHECK: Duration = Duration::from_secs(2);
/// Connections to the mail server that a thread keeps between two mails.
pub const SMTP_IDLE_CONNECTIONS: usize = 2;
/// For how long it keeps one: servers may close theirs after five minutes, many do much earlier.
pub const SMTP_IDLE: Duration = Duration::from_secs(30);
/// Bytes of a line that a mailbox reads; RFC 5321 has 1000.
pub const MAILBOX_LINE_BYTES: usize = 16 * 1024;
/// Bytes of a mail that a mailbox takes.
pub const MAILBOX_MAIL_BYTES: usize = 1024 * 1024;
/// Addresses of a mail that a mailbox takes; RFC 5321, section 4.5.3.1.8.
pub const MAILBOX_RECIPIENTS: usize = 100;
/// For how long a mailbox waits for a line; RFC 5321, section 4.5.3.2.7.
pub const MAILBOX_IDLE: Duration = Duration::from_secs(300);
/// For how long an alert may hold others of its conversation or account back.
pub const COOL_DOWN: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_hours(7 * 24);
/// Windows of an automation's quiet hours: one for each day of the week, twice.
pub const QUIET_WINDOWS: usize = 14;
