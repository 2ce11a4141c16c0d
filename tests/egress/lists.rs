//! The address policy by its tables (matrix D1, D2, D3, D10 to D12, D14).

use std::net::{IpAddr, SocketAddr};

use crate::receiver::dns::{Answer, Names};
use crate::receiver::sending::policy;
use belfry::channel::egress::{
    AddressClass, Egress, EgressPolicy, LookupError, Rule, allowed_addresses,
};
use belfry::domain::integration::HttpsUrl;

/// The lines of a table that are neither empty nor a comment.
fn rows(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|each| each.trim().to_owned()).filter(|each| !each.is_empty()).collect()
}

/// D2
#[test]
fn d2_every_class_has_its_verdict() {
    let open = EgressPolicy::default();
    let mut seen = std::collections::BTreeSet::new();
    let mut count = 0;
    for row in rows(include_str!("../../fixtures/egress/addresses.txt")) {
        let (address, rest) = row.split_once(' ').unwrap();
        let (class, verdict) = rest.trim().rsplit_once(' ').unwrap();
        let address: IpAddr = address.parse().unwrap();
        let decision = open.explain(address, 443);
        assert_eq!(decision.class.word(), class.trim(), "{row}");
        assert_eq!(decision.allowed, verdict == "allowed", "{row}");
        seen.insert(decision.class);
        count += 1;
    }
    assert!(count >= 74, "{count} rows");
    assert_eq!(seen.len(), AddressClass::ALL.len(), "a row for each class");
}

/// D10, D11, D12, D14
#[test]
fn d10_d11_d12_d14_lists_decide_in_their_order() {
    for row in rows(include_str!("../../fixtures/egress/lists.txt")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [allow, deny, own, target, expected] = cells[..] else { panic!("{row}") };
        let own: Vec<SocketAddr> = list(own).iter().map(|each| each.parse().unwrap()).collect();
        let policy = EgressPolicy::parse(&list(allow), &list(deny), &own).unwrap();
        let target: SocketAddr = target.parse().unwrap();
        let decision = policy.explain(target.ip(), target.port());
        let verdict = if decision.allowed { "allowed" } else { "refused" };
        let rule = match &decision.rule {
            Rule::OwnAddress => "own".to_owned(),
            Rule::Deny(entry) => format!("deny {entry}"),
            Rule::Metadata => "metadata".to_owned(),
            Rule::Allow(entry) => format!("allow {entry}"),
            Rule::ClassDefault => "default".to_owned(),
        };
        assert_eq!(format!("{verdict} {rule}"), expected, "{row}");
        assert!(decision.to_string().contains(verdict), "{decision}");
    }
}

#[test]
fn entries_that_cant_be_used_are_told_all_at_once() {
    let table = include_str!("../../fixtures/egress/entries.txt");
    let (mut entries, mut expected) = (Vec::new(), Vec::new());
    for row in rows(table) {
        let (entry, words) = row.split_once('|').unwrap();
        entries.push(entry.trim().to_owned());
        expected.push(words.trim());
    }
    let problems = EgressPolicy::parse(&entries, &entries, &[]).unwrap_err();
    assert_eq!(problems.len(), 2 * entries.len());
    for (problem, words) in problems.iter().zip(&expected) {
        assert_eq!(problem.list, "allow");
        assert_eq!(problem.entry, entries[problem.index]);
        let text = problem.to_string();
        assert!(text.contains(words) && text.contains("egress.allow"), "{text}");
    }
}

/// D1, the policy's side: what is refused when it is saved, and on every attempt.
#[test]
fn d1_every_spelling_of_an_address_is_judged_as_that_address() {
    let open = EgressPolicy::default();
    for row in rows(include_str!("../../fixtures/egress/urls.txt")) {
        let (url, expected) = row.split_once('|').unwrap();
        let (url, expected) = (url.trim(), expected.trim());
        let found = match HttpsUrl::parse(url) {
            Err(_) => "unparsed".to_owned(),
            Ok(parsed) => match open.check_url(&parsed) {
                Ok(()) => "passes".to_owned(),
                Err(denied) => format!("refused {}", denied.decisions[0].address),
            },
        };
        assert!(expected.split(" or ").any(|each| each == found), "{url}: {found}");
    }
}

/// D3: an answer of 300 is no reason to try 300.
#[test]
fn d3_at_most_eight_addresses_families_in_turn() {
    let mut found: Vec<IpAddr> = (0..150).map(|n| IpAddr::from([10, 0, 0, n])).collect();
    found.extend((0..150_u16).map(|n| IpAddr::from([0x2600, 0, 0, 0, 0, 0, 0, n])));
    found.extend((0..150).map(|n| IpAddr::from([127, 0, 0, n])));
    let chosen = allowed_addresses(&EgressPolicy::default(), &found, 443).unwrap();
    assert_eq!(chosen.len(), 8);
    for (index, address) in chosen.iter().enumerate() {
        assert_eq!(address.is_ipv4(), index % 2 == 0, "{chosen:?}");
    }
    let v4_only = allowed_addresses(&EgressPolicy::default(), &found[..100], 443).unwrap();
    assert_eq!(v4_only.len(), 8);
}

#[tokio::test]
async fn check_tells_each_address_and_the_rule() {
    let names = Names::new(&[
        ("mixed.test", &[Answer::is(&["10.0.0.1", "127.0.0.1"])]),
        ("silent.test", &[Answer::Silent]),
    ]);
    let egress = Egress::new(policy(&[], &["10.0.0.0/8:22"]), names);
    let explanation = egress.explain(&HttpsUrl::parse("https://mixed.test/x").unwrap()).await;
    assert_eq!((explanation.host.as_str(), explanation.port), ("mixed.test", 443));
    assert!(explanation.reachable());
    let lines: Vec<String> =
        explanation.addresses.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "10.0.0.1 (private) is allowed: the default for private addresses",
            "127.0.0.1 (loopback) is refused: the default for loopback addresses; egress.allow can \
             open it",
        ]
    );
    let shut = egress.explain(&HttpsUrl::parse("https://10.0.0.1:22/").unwrap()).await;
    assert!(!shut.reachable());
    let unknown = egress.explain(&HttpsUrl::parse("https://unknown.test/").unwrap()).await;
    assert!(matches!(unknown.addresses, Err(LookupError::NotFound(_))));
}
