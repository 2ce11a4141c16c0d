use proptest::prelude::*;

use super::*;

fn refused(source: &str) -> String {
    Template::parse(source).expect_err(source).to_string()
}

#[test]
fn the_defaults_are_templates_too() {
    for notice in [sample::notice(), Notice::default()] {
        let title = Template::parse(DEFAULT_TITLE).unwrap();
        assert_eq!(title.render(&notice, Dress::Plain).unwrap(), notice.title());
        let text = Template::parse(DEFAULT_TEXT).unwrap();
        assert_eq!(text.render(&notice, Dress::Plain).unwrap(), notice.excerpt);
    }
}

#[test]
fn each_name_exists_and_each_filter_works() {
    for (name, meaning) in NAMES {
        let shown = Template::preview(&format!("{{{{ {name} }}}}")).unwrap();
        assert!(!shown.is_empty() && !meaning.is_empty(), "{name}");
    }
    for (source, shown) in [
        ("{{ escalation_level | capitalize }}", "Extreme"),
        ("{{ source | upper }} {{ source | lower }}", "ZENDESKSUPPORT zendesksupport"),
        ("{{ sentiment_shift | title }}", "Sentiment Degraded"),
        ("{{ excerpt | truncate(7) }}", "This is…"),
        ("{{ excerpt | line | length > 100 }}", "True"),
        ("{{ record_id | replace('T-', '#') | trim }}", "#10293"),
        ("{{ '' | default('none') }}", "none"),
        (
            "{% if held_back > 1 %}{{ held_back }} since {{ held_back_since }}{% endif %}",
            "3 since 2026-06-27 11:00 UTC",
        ),
        ("{% for c in record_id %}{{ c }}.{% endfor %}", "T.-.1.0.2.9.3."),
    ] {
        assert_eq!(Template::preview(source).as_deref(), Ok(shown), "{source}");
    }
}

#[test]
fn what_is_refused_is_refused_at_its_place() {
    for (source, starts, holds) in [
        (
            "{{ escalation_levl }}",
            "line 1, column 4: there is no value `escalation_levl`; did you \
          mean `escalation_level`?",
            "There are: automation_id, ",
        ),
        ("levl\n  {% if levl %}x{% endif %}", "line 2, column 9: ", "`levl`"),
        ("a\n{{ source", "line 2, column ", "mend what stands"),
        ("{{ source | shout }}", "line 1, column ", "Filters are: capitalize"),
        ("{{ range(10) }}", "line 1, column ", "`range`"),
        ("{{ source.upper() }}", "line 1, column ", "no functions"),
        ("{% include 'x' %}", "line 1, column ", "include"),
        ("{% macro x() %}{% endmacro %}", "line 1, column ", "macro"),
        ("{{ source.secret }}", "line 1, column ", "undefined"),
        ("{{ source + 1 }}", "line 1, column ", ""),
    ] {
        let error = refused(source);
        assert!(error.starts_with(starts) && error.contains(holds), "{source}: {error}");
    }
    assert!(refused(&"a".repeat(TEMPLATE_BYTES + 1)).contains("4096 bytes"));
}

#[test]
fn work_and_output_are_bounded() {
    let loops = "{% for a in excerpt %}".repeat(6) + "x" + &"{% endfor %}".repeat(6);
    assert!(refused(&loops).contains("too much work"));
    assert!(refused("{{ 'x' * 100000000 }}").contains("too much work"));
    let grows = Template::parse("{{ excerpt | replace('e', excerpt) }}").unwrap();
    let many = Notice { excerpt: "e".repeat(5000), ..Notice::default() };
    assert!(grows.render(&many, Dress::Plain).unwrap_err().problem.contains("does not grow"));
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(1500), ")".repeat(1500));
    assert!(!refused(&deep).is_empty());
    let long = Notice { excerpt: "ab ".repeat(10_000), ..Notice::default() };
    let twice = Template::parse("{{ text }}{{ excerpt | upper | lower | trim }}").unwrap();
    let shown = twice.render(&long, Dress::Plain).unwrap();
    assert!(shown.len() <= TEMPLATE_OUTPUT_BYTES && shown.ends_with('…'));
}

#[test]
fn inserted_values_format_nothing_in_slack() {
    let template = Template::parse("*{{ excerpt }}* {{ source ~ '_' }}").unwrap();
    let notice = Notice {
        excerpt: "a*b* _c_ `d` snake_case ~x~".to_owned(),
        source: Some("_s".to_owned()),
        ..Notice::default()
    };
    let shown = template.render(&notice, Dress::Mrkdwn).unwrap();
    assert_eq!(shown, "*a*b∗ ＿c＿ ˋdˋ snake_case ∼x∼* ＿s＿");
}

proptest! {
    #[test]
    fn parsing_anything_never_panics(
        source in "(?s)(\\{\\{|\\}\\}|\\{%|%\\}|[a-z_|.()'\"\\[\\]* ]|.){0,60}",
    ) {
        if let Ok(template) = Template::parse(&source) {
            prop_assert!(template.render(&sample::notice(), Dress::Mrkdwn).is_ok());
        }
    }
}
