//! The configuration by its tables (matrix G1): `fixtures/config/good` and `fixtures/config/bad`, each
//! file with what becomes of it beside it. `UPDATE_EXPECT=1` writes those anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use belfry::config::{Config, KEYS, span, template};
use belfry::domain::limits;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_assert, prop_oneof, proptest};
use proptest::sample::select;

const DATA: &str = "/data";

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::parse(Path::new(DATA), Some(("belfry.toml", text)), environment)
        .map_err(|problems| problems.to_string())
}

/// The problems, a line each.
fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let told = parse(text, environment).expect_err("it is refused");
    told.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

fn files(kind: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/config").join(kind);
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    files
}

/// Compares with the file beside it; tells all differences of a directory at once.
fn compare(kind: &str, outcome: impl Fn(&Path, &str) -> String) {
    let mut differing = Vec::new();
    for path in files(kind) {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = outcome(&path, &text);
        let beside = path.with_extension("expect");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&beside, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            differing.push(format!("{}\nexpected:\n{expected}\nfound:\n{found}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}

// G1★
#[test]
fn g1_good_files_give_their_values() {
    compare("good", |path, text| match parse(text, &[]) {
        Ok(config) => format!("{config:#?}\n"),
        Err(problems) => panic!("{}: {problems}", path.display()),
    });
}

// G1★
#[test]
fn g1_bad_files_are_refused_with_every_problem_and_its_line() {
    compare("bad", |path, text| match parse(text, &[]) {
        Ok(config) => panic!("{} was taken: {config:#?}", path.display()),
        Err(problems) => format!("{problems}\n"),
    });
}

// G1★
#[test]
fn g1_every_problem_names_its_line_or_its_variable() {
    for path in files("bad") {
        let text = std::fs::read_to_string(&path).unwrap();
        for problem in problems(&text, &[("BELFRY__NOPE", "1")]) {
            let place = problem.split(": ").next().unwrap();
            let line = place.strip_prefix("belfry.toml:").map(|line| line.parse().unwrap());
            let within = line.is_none_or(|line: usize| (1..=text.lines().count()).contains(&line));
            assert!(within && (line.is_some() || place == "BELFRY__NOPE"), "{problem}");
        }
    }
}

// G1★
#[test]
fn g1_problems_stand_in_the_order_of_the_lines_then_of_the_variables() {
    let text = "alpha = 1\n".to_owned() + &"\n".repeat(8) + "omega = 1\n[log]\nlevel = 3\n";
    let told = problems(&text, &[("BELFRY__ZEBRA", "1"), ("BELFRY__APE", "1")]);
    let places: Vec<&str> = told.iter().map(|line| line.split(": ").next().unwrap()).collect();
    let expected =
        ["belfry.toml:1", "belfry.toml:10", "belfry.toml:12", "BELFRY__APE", "BELFRY__ZEBRA"];
    assert_eq!(places, expected);
}

/// Only the one spelling that is told: of two, nobody could say which one counts.
#[test]
fn g1_a_variable_in_small_letters_is_refused_with_the_right_one() {
    let told = problems("", &[("BELFRY__log__level", "info"), ("BELFRY__LOG__LEVEL", "debug")]);
    let expected = "BELFRY__log__level: there is no key BELFRY__log__level; did you mean \
                    BELFRY__LOG__LEVEL?";
    assert_eq!(told, [expected]);
}

/// What the service takes for all, an integration may set for itself: the API shows an integration the
/// value in force, and whoever sends it back must not be refused.
#[test]
fn the_bounds_are_those_of_an_integration() {
    let most = limits::MAX_IN_FLIGHT;
    let (least, longest) = (limits::RETRY_BASE.as_millis(), limits::RETRY_SPAN.as_millis());
    let file = |in_flight: u64, factor: f64, base: u128, rest: u128| {
        format!(
            "[delivery]\nmax_in_flight = {in_flight}\n[delivery.retry]\nfactor = {factor:?}\n\
             base = \"{base}ms\"\ncap = \"{rest}ms\"\nhorizon = \"{rest}ms\"\n"
        )
    };
    parse(&file(1, 1.0, least, least), &[]).unwrap();
    parse(&file(most.into(), limits::RETRY_FACTOR, longest, longest), &[]).unwrap();
    assert_eq!(problems(&file(0, 0.9, least - 1, least - 1), &[]).len(), 5);
    let above = file(u64::from(most) + 1, limits::RETRY_FACTOR + 0.1, longest + 1, longest + 1);
    assert_eq!(problems(&above, &[]).len(), 5);
}

proptest! {
    /// Whatever stands in the file or a variable: it is taken, or refused with a place for each problem.
    #[test]
    fn any_text_is_taken_or_refused_with_its_place(
        lines in vec(line(), 0..8),
        name in "[A-Z_]{0,20}",
        value in ".{0,12}",
    ) {
        let text = lines.join("\n");
        let variable = format!("BELFRY__{name}");
        let told = Config::parse(
            Path::new(DATA),
            Some(("belfry.toml", &text)),
            [(variable.clone(), value)],
        );
        let places = told.err().map(|problems| problems.0).unwrap_or_default();
        for problem in places {
            let line = problem.place.strip_prefix("belfry.toml:");
            let line = line.map(|line| line.parse::<usize>().unwrap());
            prop_assert!(line.is_none_or(|line| line >= 1 && line <= text.matches('\n').count() + 1));
            prop_assert!(line.is_some() || problem.place == variable, "{problem}");
            prop_assert!(!problem.what.is_empty());
        }
    }
}

/// A line as people might write it, or any other.
fn line() -> impl Strategy<Value = String> {
    let name = select(KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    let value = prop_oneof![
        "\"[a-z0-9:/.@]{0,12}\"",
        "-?[0-9]{1,20}",
        "[0-9]{1,3}\\.[0-9]{1,3}",
        Just("[\"10.0.0.0/8:443\", \"é\"]".to_owned()),
        Just("{ a = { b = [[1]] } }".to_owned()),
    ];
    prop_oneof![
        (name.clone(), value).prop_map(|(name, value)| format!("{name} = {value}")),
        name.prop_map(|name| format!("[{name}]")),
        ".{0,30}",
    ]
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = "[delivery.retry]\nbase = \"9s\"\n[egress]\nallow = [\"10.0.0.0/8\"]\n";
    let config = parse(
        file,
        &[
            ("BELFRY__DELIVERY__RETRY__BASE", "7s"),
            ("BELFRY__DELIVERY__RETRY__FACTOR", "2"),
            ("BELFRY__DELIVERY__MAX_IN_FLIGHT", "3"),
            ("BELFRY__SERVER__LISTEN", "127.0.0.1:0"),
            ("BELFRY__SERVER__WORKERS", "7"),
            ("BELFRY__EGRESS__ALLOW", " 127.0.0.1/32 , ::1,"),
            ("BELFRY__EGRESS__CA_FILES", "/a.pem,b.pem"),
            ("BELFRY__LOG__FORMAT", "json"),
            ("BELFRY__DASHBOARD_URL", "https://d.example.com/"),
        ],
    )
    .unwrap();
    assert_eq!(config.policy.schedule.base, Duration::from_secs(7));
    assert!((config.policy.schedule.factor - 2.0).abs() < f64::EPSILON);
    assert_eq!(config.policy.max_in_flight, 3);
    assert_eq!(config.listen.to_string(), "127.0.0.1:0");
    assert_eq!(config.workers, 7);
    assert_eq!(config.egress.allow, ["127.0.0.1/32", "::1"]);
    let ca_files = [PathBuf::from("/a.pem"), PathBuf::from("/data/b.pem")];
    assert_eq!(config.egress.ca_files, ca_files);
    assert!(config.log_json);
    assert_eq!(config.dashboard_url, "https://d.example.com");
}

#[test]
fn an_empty_list_in_the_environment_takes_the_files_away() {
    let file = "[egress]\nallow = [\"10.0.0.0/8\"]\n";
    let config = parse(file, &[("BELFRY__EGRESS__ALLOW", "")]).unwrap();
    assert!(config.egress.allow.is_empty());
}

#[test]
fn other_variables_are_none_of_ours() {
    assert!(parse("", &[("BELFRY_TOKEN", "x"), ("belfry__log__level", "x")]).is_ok());
}

/// Each key can be set by its variable: none is found unknown, and a value that no key takes is refused.
#[test]
fn g1_every_key_has_its_variable() {
    for key in KEYS {
        let name = format!("BELFRY__{}", key.name.to_uppercase().replace('.', "__"));
        let told = parse("", &[(&name, "\u{1}")]).err().unwrap_or_default();
        assert!(!told.contains("there is no key"), "{name}: {told}");
    }
}

// G1★
#[test]
fn g1_bad_variables_are_refused_by_name() {
    let cases = [
        (
            "BELFRY__DELIVERY__RETRY__BSE",
            "5s",
            "there is no key BELFRY__DELIVERY__RETRY__BSE; did you mean BELFRY__DELIVERY__RETRY__BASE?",
        ),
        (
            "BELFRY__DELIVERY_TIMEOUT",
            "5s",
            "there is no key BELFRY__DELIVERY_TIMEOUT; did you mean BELFRY__DELIVERY__TIMEOUT?",
        ),
        (
            "BELFRY__LOG__COLOUR_OF_LINES",
            "red",
            "there is no key BELFRY__LOG__COLOUR_OF_LINES; there are BELFRY__LOG__FORMAT, \
             BELFRY__LOG__LEVEL",
        ),
        (
            "BELFRY__DELIVERY__TIMEOUT",
            "5",
            "delivery.timeout can't be \"5\": it must be a time such as \"500ms\", \"5s\", \"2m\" or \
             \"72h\", from 100ms to 1m",
        ),
        (
            "BELFRY__SERVER__WORKERS",
            "many",
            "server.workers can't be many: it must be a whole number from 1 to 256",
        ),
        (
            "BELFRY__DELIVERY__RETRY__JITTER",
            "inf",
            "delivery.retry.jitter can't be inf: it must be a number from 0 to 1",
        ),
        (
            "BELFRY__LOG__LEVEL",
            "",
            "log.level can't be \"\": it must be one of \"error\", \"warn\", \"info\", \"debug\", \
             \"trace\"",
        ),
    ];
    for (name, value, expected) in cases {
        assert_eq!(problems("", &[(name, value)]), [format!("{name}: {expected}")]);
    }
}

/// A variable that is right does not hide a line that is wrong.
#[test]
fn g1_a_bad_line_is_told_though_a_variable_replaces_it() {
    let told = problems("log.level = \"loud\"", &[("BELFRY__LOG__LEVEL", "info")]);
    assert_eq!(told.len(), 1, "{told:?}");
}

/// What a mistake must not bring to light: the problems go to terminals and logs.
#[test]
fn g1_secrets_are_not_repeated_in_problems_nor_shown() {
    const SECRET: &str = "geheim-77";
    let values = [
        format!("belfry:{SECRET}@proxy.example.com"),
        format!("http://belfry:{SECRET}@"),
        format!("ENV {SECRET}"),
    ];
    for value in &values {
        for told in [
            problems(&format!("egress.proxy = {value:?}"), &[]),
            problems("", &[("BELFRY__EGRESS__PROXY", value)]),
            problems("", &[("BELFRY__EGRESS__PROXYS", value)]),
        ] {
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(!told.concat().contains(SECRET), "{told:?}");
        }
    }
    let list = problems(&format!("egress.proxy = [\"http://a:{SECRET}@b\"]"), &[]);
    assert!(!list.concat().contains(SECRET), "{list:?}");
    let good = parse(&format!("egress.proxy = \"http://belfry:{SECRET}@proxy:3128\""), &[]);
    let good = good.unwrap();
    assert!(!format!("{good:?}").contains(SECRET));
    assert!(good.egress.proxy.unwrap().expose().contains(SECRET));
}

/// Takes the `#` away before each line of the template that sets a key.
fn uncommented(keep: impl Fn(&str) -> bool) -> String {
    let text = template();
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') && keep(rest.split(' ').next().unwrap()) => rest,
        Some(_) | None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_file_is_good_as_it_is_and_with_every_line_uncommented() {
    let defaults = format!("{:#?}", parse("", &[]).unwrap());
    assert_eq!(format!("{:#?}", parse(&template(), &[]).unwrap()), defaults);
    // Last parts of names are enough: none with a default shares one with one without.
    let has_default = |name: &str| {
        KEYS.iter().any(|key| key.name.rsplit('.').next() == Some(name) && !key.default.is_empty())
    };
    let text = uncommented(has_default);
    let set = text.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count();
    assert_eq!(set, KEYS.iter().filter(|key| !key.default.is_empty()).count());
    assert_eq!(format!("{:#?}", parse(&text, &[]).unwrap()), defaults);
    // The examples of keys without a default can be used, too; but a secret stands in one place only.
    let all = uncommented(|name| !matches!(name, "password" | "api_key"));
    let set = all.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count();
    assert_eq!(set, KEYS.len() - 2);
    parse(&all, &[]).unwrap();
}

#[test]
fn spans_of_time_are_read_exactly() {
    let good: &[(&str, u64)] = &[
        ("0s", 0),
        ("1ms", 1),
        ("500ms", 500),
        ("5s", 5000),
        (" 5s ", 5000),
        ("2m", 120_000),
        ("72h", 259_200_000),
        ("30d", 2_592_000_000),
        ("1h30m", 5_400_000),
        ("1m1ms", 60_001),
        ("007s", 7000),
    ];
    for (text, ms) in good {
        assert_eq!(span::parse(text), Some(Duration::from_millis(*ms)), "{text:?}");
    }
    let bad = [
        "",
        " ",
        "5",
        "s",
        "-5s",
        "+5s",
        "1.5s",
        "5 s",
        "5S",
        "5sec",
        "5s,",
        "5ss",
        "5s5",
        "1_000ms",
        "ms5",
        "5\u{b5}s",
        "٥s",
        "1e3s",
        "99999999999999999999s",
        "18446744073709551615d",
    ];
    for text in bad {
        assert_eq!(span::parse(text), None, "{text:?}");
    }
}
