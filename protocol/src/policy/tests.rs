//! What a policy takes, and what is none.

use proptest::prelude::*;

use super::*;

fn glob(text: &str) -> StackGlob {
    text.parse().unwrap()
}

fn selection(only: &[&str], not: &[&str]) -> Selection {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Selection { only: texts(only), not: texts(not), ..Selection::default() }
}

#[test]
fn a_star_stops_at_a_slash_and_two_do_not() {
    for (pattern, fits, others) in [
        ("sales/*", &["sales/weekly", "sales/a.b-c_d"][..], &["sales", "sales/eu/weekly", "x"][..]),
        ("sales/**", &["sales/weekly", "sales/eu/weekly"], &["sales", "resales/weekly"]),
        ("**/weekly", &["sales/weekly", "sales/eu/weekly"], &["weekly", "sales/weekly2"]),
        ("v?", &["v1", "vx"], &["v", "v12", "v/1"]),
        ("*a*b*", &["ab", "xaybz", "aab"], &["ba", "a/b"]),
        ("exact", &["exact"], &["exactly", "inexact", "Exact"]),
        ("**", &["a", "a/b/c"], &[]),
    ] {
        for name in fits {
            assert!(glob(pattern).matches(name), "{pattern} {name}");
        }
        for name in others {
            assert!(!glob(pattern).matches(name), "{pattern} {name}");
        }
    }
}

#[test]
fn a_pattern_of_stars_takes_no_longer_than_another() {
    let pattern = glob(&"*a".repeat(127));
    assert!(!pattern.matches(&"a".repeat(126)));
    assert!(pattern.matches(&"a".repeat(255)));
}

#[test]
fn what_fits_no_stack_is_no_pattern() {
    for text in ["", "/a", "a/", "a//b", "a b", "a[b]", "grün", "a\0", &"a".repeat(256)] {
        assert!(text.parse::<StackGlob>().is_err(), "{text:?}");
    }
}

#[test]
fn stacks_are_named_and_then_left_out() {
    let policy = FollowPolicy::new(Policy::Heads, &selection(&["sales/*", "hr"], &["sales/old*"]));
    let policy = policy.unwrap();
    let takes = |name: &str| policy.takes_stack(&name.parse().unwrap());
    assert!(takes("sales/weekly") && takes("hr"));
    assert!(!takes("sales/old-1") && !takes("model"));
    let all_but = FollowPolicy::new(Policy::All, &selection(&[], &["raw/**"])).unwrap();
    assert!(all_but.takes_stack(&"model".parse().unwrap()));
    assert!(!all_but.takes_stack(&"raw/2024/a".parse().unwrap()));
}

#[test]
fn a_selection_reads_back_and_a_plain_policy_has_none() {
    let chosen =
        Selection { max_size_bytes: Some(1000), last: Some(3), ..selection(&["a/*"], &["a/b"]) };
    let policy = FollowPolicy::new(Policy::All, &chosen).unwrap();
    assert_eq!(policy.selection(), Some(chosen));
    assert!(policy.takes_size(1000) && !policy.takes_size(1001));
    let plain = FollowPolicy::new(Policy::All, &Selection::default()).unwrap();
    assert_eq!((plain.selection(), &plain), (None, &Policy::All.into()));
    assert!(plain.takes_size(u64::MAX) && !plain.asks_for_stacks());
}

#[test]
fn bounds_and_contradictions_are_refused() {
    let last = |n| Selection { last: Some(n), ..Selection::default() };
    let refused = |which, selection: &Selection| FollowPolicy::new(which, selection).unwrap_err();
    assert_eq!(refused(Policy::All, &last(0)), PolicyError::Last(0));
    assert_eq!(refused(Policy::All, &last(u32::MAX)), PolicyError::Last(u32::MAX));
    assert_eq!(refused(Policy::Heads, &last(2)), PolicyError::LastOfHeads(2));
    assert_eq!(refused(Policy::Lazy, &selection(&["a"], &[])), PolicyError::LazySelection);
    let many = vec!["a"; POLICY_GLOBS + 1];
    assert_eq!(refused(Policy::All, &selection(&many, &[])), PolicyError::Globs(POLICY_GLOBS + 1));
    assert_eq!(refused(Policy::All, &selection(&[], &many)), PolicyError::Globs(POLICY_GLOBS + 1));
}

proptest! {
    #[test]
    fn a_name_without_wildcards_fits_itself_alone(a in "[a-z]{1,8}", b in "[a-z]{1,8}") {
        prop_assert!(glob(&a).matches(&a));
        prop_assert_eq!(glob(&a).matches(&b), a == b);
        let joined = format!("{a}/{b}");
        let pattern = format!("{a}/*");
        prop_assert!(glob(&pattern).matches(&joined));
    }
}
