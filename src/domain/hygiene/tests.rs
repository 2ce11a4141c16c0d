use super::*;

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(at.as_millisecond())
}

fn quiet(zone: &str, windows: &[&str]) -> QuietHours {
    let windows = windows.iter().map(|text| text.parse().unwrap()).collect();
    QuietHours::new(zone, windows, None).unwrap()
}

#[test]
fn a_window_is_read_and_written_the_same() {
    for text in [
        "mon-fri 20:00-07:00",
        "sat,sun 00:00-24:00",
        "mon,wed,fri 12:30-13:15",
        "mon-sun 22:00-06:00",
        "tue-thu,sat 01:00-02:00",
    ] {
        assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
    }
    assert_eq!(
        "SAT-Mon 20:00-07:00".parse::<Window>().unwrap().to_string(),
        "mon,sat,sun 20:00-07:00"
    );
    for wrong in [
        "",
        "mon",
        "20:00-07:00",
        "mon 20-07",
        "mon 25:00-07:00",
        "mon 24:00-07:00",
        "mon 20:00-07:60",
        "mon 20:00",
        "moon 20:00-07:00",
        "mon- 20:00-07:00",
        "mon 2:00-07:00",
        "mon 20:00-07:00-08:00",
        "mon +1:00-02:00",
    ] {
        assert!(wrong.parse::<Window>().is_err(), "{wrong}");
    }
}

#[test]
fn alerts_wait_until_the_quiet_hours_end() {
    let nights = quiet("Europe/Berlin", &["mon-fri 20:00-07:00", "sat,sun 00:00-24:00"]);
    for (now, end) in [
        // A Wednesday in summer: UTC+2.
        ("2026-07-01T10:00:00Z", None),
        ("2026-07-01T17:59:59Z", None),
        ("2026-07-01T18:00:00Z", Some("2026-07-02T05:00:00Z")),
        ("2026-07-02T04:59:59Z", Some("2026-07-02T05:00:00Z")),
        ("2026-07-02T05:00:00Z", None),
        // Friday evening: the night and the weekend are one, and Sunday ends at midnight.
        ("2026-07-03T19:00:00Z", Some("2026-07-05T22:00:00Z")),
        ("2026-07-05T21:59:59Z", Some("2026-07-05T22:00:00Z")),
        ("2026-07-05T22:00:00Z", None),
        // In winter: UTC+1.
        ("2026-12-01T19:00:00Z", Some("2026-12-02T06:00:00Z")),
    ] {
        assert_eq!(nights.ends(at(now)), end.map(at), "{now}");
    }
}

/// The clocks go forward on 2026-03-29 and back on 2026-10-25, at 01:00 UTC.
#[test]
fn the_hands_of_the_clock_are_followed_when_they_are_set() {
    let nights = quiet("Europe/Berlin", &["mon-sun 22:00-06:00"]);
    let end = |now: &str| nights.ends(at(now));
    assert_eq!(end("2026-03-28T22:00:00Z"), Some(at("2026-03-29T04:00:00Z")));
    assert_eq!(end("2026-10-24T21:00:00Z"), Some(at("2026-10-25T05:00:00Z")));
    // A window that begins in the hour that is not there begins when the clock has passed it.
    let gap = quiet("Europe/Berlin", &["sun 02:30-05:00"]);
    assert_eq!(gap.ends(at("2026-03-29T01:45:00Z")), Some(at("2026-03-29T03:00:00Z")));
}

#[test]
fn what_is_bad_enough_goes_out_at_night() {
    let mut nights = quiet("UTC", &["mon-sun 22:00-06:00"]);
    nights.except_from = Some(Level::Extreme);
    let levels =
        |escalation| Levels { escalation, emotional_intensity: Level::Low, sentiment_shift: None };
    let night = at("2026-07-01T23:00:00Z");
    assert_eq!(nights.put_off(&levels(Level::Extreme), night), None);
    assert_eq!(nights.put_off(&levels(Level::High), night), Some(at("2026-07-02T06:00:00Z")));
}

#[test]
fn what_would_never_end_or_is_nowhere_is_refused() {
    let window = |text: &str| text.parse::<Window>().unwrap();
    let refused = |zone: &str, windows: Vec<Window>| QuietHours::new(zone, windows, None).is_err();
    assert!(refused("UTC", vec![]));
    assert!(refused("UTC", vec![window("mon-sun 00:00-24:00")]));
    assert!(refused("UTC", vec![window("mon-sun 08:00-08:00")]));
    assert!(refused("UTC", vec![window("mon-sun 00:00-12:00"), window("mon-sun 12:00-24:00")]));
    assert!(!refused("UTC", vec![window("mon-sat 00:00-24:00"), window("sun 00:00-23:59")]));
    assert!(refused("Europe/Atlantis", vec![window("mon 20:00-21:00")]));
    assert!(refused("UTC", vec![window("mon 20:00-21:00"); QUIET_WINDOWS + 1]));
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"] {
        assert_eq!(quiet(zone, &["mon 20:00-21:00"]).zone(), zone);
    }
}

#[test]
fn a_worse_alert_is_never_held_back() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    assert!(holds_back(minutes(30), minutes(29), Level::High, Level::High));
    assert!(holds_back(minutes(30), minutes(0), Level::High, Level::Low));
    assert!(!holds_back(minutes(30), minutes(30), Level::High, Level::High));
    assert!(!holds_back(minutes(30), minutes(1), Level::High, Level::Extreme));
}

#[test]
fn keys_tell_accounts_apart_and_nothing_of_them() {
    let mut record = crate::domain::sample::record();
    let by = |text: &str| CoolDown { per: text.parse().unwrap(), span: Duration::from_secs(60) };
    assert_eq!(by("conversation").key(&record), None);
    record.conversation_id = Some("c-1".to_owned());
    let first = by("conversation").key(&record).unwrap();
    assert_eq!(by("metadata.account_id").key(&record), None);
    record.metadata.insert("account_id".to_owned(), MetadataValue::Text("c-1".to_owned()));
    let account = by("metadata.account_id").key(&record).unwrap();
    assert_ne!(account, first);
    record.org_id = "other".to_owned();
    assert_ne!(by("metadata.account_id").key(&record), Some(account));
    for wrong in ["", "account", "metadata.", "Conversation"] {
        assert!(wrong.parse::<Per>().is_err(), "{wrong}");
    }
}
