use proptest::prelude::*;

use super::*;
use crate::id::{FrameId, UserId};

fn parse(text: &str) -> Reference {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn error(text: &str) -> String {
    text.parse::<Reference>().expect_err(text).to_string()
}

fn number(n: u32) -> NonZeroU32 {
    n.try_into().unwrap()
}

#[test]
fn the_examples_of_the_design() {
    let plain = parse("sales/weekly");
    assert_eq!(plain.owner, None);
    assert_eq!(plain.stack.as_str(), "sales/weekly");
    assert_eq!((plain.rev, plain.attachment), (Rev::Head, None));

    let tagged = parse("alice:sales/weekly@v1#plot.svg");
    let owner = OwnerRef { user: "alice".parse().unwrap(), context: None };
    assert_eq!(tagged.owner, Some(owner));
    assert_eq!(tagged.rev, Rev::Tag("v1".parse().unwrap()));
    assert_eq!(tagged.attachment.unwrap().as_str(), "plot.svg");

    let older = parse("alice/research:model@head~2");
    assert_eq!(older.owner.unwrap().context, Some("research".parse().unwrap()));
    assert_eq!(older.rev, Rev::Ancestor(number(2)));
}

#[test]
fn revisions() {
    let rev = |text: &str| text.parse::<Rev>();
    assert_eq!(rev("head"), Ok(Rev::Head));
    assert_eq!(rev("head^2"), Ok(Rev::OtherHead(number(2))));
    assert_eq!(rev("3F2a91"), Ok(Rev::Id(IdPrefix("3f2a91".to_owned()))));
    assert_eq!(rev("3f2a9"), Ok(Rev::Tag("3f2a9".parse().unwrap())));
    let id = FrameId::from_bytes([0xab; 32]);
    assert_eq!(rev(&id.to_string()), Ok(Rev::Id(id.into())));
    assert_eq!(IdPrefix::from(id).whole(), Some(id));
    assert!(IdPrefix("abab".to_owned()).matches(&id));
    assert_eq!(rev(""), Err(ParseRevError::Empty));
    for bad in ["head~", "head~0", "head^0", "head~+1", "head~1~1", "head~-1", "head~4294967296"] {
        assert_eq!(rev(bad), Err(ParseRevError::Number(bad.to_owned())));
    }
    for bad in ["v1~1", "~1", "abcdef^2"] {
        assert_eq!(rev(bad), Err(ParseRevError::NotHead(bad.to_owned())));
    }
    assert_eq!(rev("HEAD"), Err(ParseRevError::Capitals("HEAD".to_owned())));
}

#[test]
fn the_number_sign_ends_the_name() {
    let r = parse("a#b:c@d#e");
    assert_eq!((r.owner, r.stack.as_str()), (None, "a"));
    assert_eq!(r.attachment.unwrap().as_str(), "b:c@d#e");
    let r = parse("me:a@v1#50% of ü");
    assert_eq!(r.attachment.unwrap().as_str(), "50% of ü");
    // A single letter is a user here.
    assert_eq!(parse("C:data").owner.unwrap().user, "C".parse().unwrap());
    // An `@` in front of `:` belongs to the petname.
    assert_eq!(parse("alice@work:data").owner.unwrap().user, "alice@work".parse().unwrap());
}

#[test]
fn errors_point_at_the_part_and_the_way_out() {
    for (text, part) in [
        ("", "no stack; write"),
        ("@v1", "no stack; write"),
        ("alice:", "no stack; write"),
        (":a", "write `me:`"),
        ("/research:a", "write `me:`"),
        ("a/b/c:d", "in front of `:`, after `/`: context name `b/c`"),
        ("a/:d", "in front of `:`, after `/`: context name ``: is empty"),
        ("Me:d", "in front of `:`: petname `Me`: `me` is reserved"),
        ("a:b:c", "stack name `b:c`: the character `:`"),
        ("a b", "stack name `a b`: the character ` `"),
        ("a@", "after `@`: no revision"),
        ("a@v1@v2", "after `@`: tag `v1@v2`: the character `@`"),
        ("a@v1~2", "after `@`: `v1~2`: `~` and `^` follow `head` only"),
        ("a#", "no attachment after `#`"),
        ("dsp://me/main", "no stack in the URL"),
    ] {
        let error = error(text);
        assert!(error.contains(part), "{text}: {error}");
    }
    let long = format!("a#{}", "x".repeat(1025));
    assert!(error(&long).contains("1025 bytes"));
}

#[test]
fn a_selector_is_a_path_and_else_an_index() {
    let paths = ["b.csv", "1", "a.csv"];
    let find = |text: &str| Selector(text.to_owned()).find(paths);
    assert_eq!(find("a.csv"), Some(2));
    assert_eq!(find("1"), Some(1));
    assert_eq!(find("0"), Some(0));
    assert_eq!(find("2"), Some(2));
    assert_eq!(find("3"), None);
    assert_eq!(find("01"), None);
    assert_eq!(find("+1"), None);
    assert_eq!(find("A.csv"), None);
}

#[test]
fn urls() {
    let id = UserId::from_bytes([0x2f; 32]);
    let text = format!("dsp://{id}/main/sales/weekly?rev=v1&path=plot.svg");
    let url: DspUrl = text.parse().unwrap();
    assert_eq!(url.user_id(), Some(id));
    assert_eq!(url.stack.as_str(), "sales/weekly");
    assert_eq!(url.rev, Rev::Tag("v1".parse().unwrap()));
    assert_eq!(url.to_string(), text);
    let r: Reference = text.parse().unwrap();
    assert_eq!(r.to_string(), format!("{id}/main:sales/weekly@v1#plot.svg"));

    let typed: DspUrl = "dsp://me/main/sales/weekly#100% of a?b".parse().unwrap();
    assert_eq!(typed.user_id(), None);
    assert_eq!(typed.attachment.as_ref().unwrap().as_str(), "100% of a?b");
    let printed = "dsp://me/main/sales/weekly?path=100%25%20of%20a%3Fb";
    assert_eq!(typed.to_string(), printed);
    assert_eq!(printed.parse(), Ok(typed));
    let spaced: DspUrl =
        "DSP://alice%20b/Team%20S%C3%BCd/a?path=x%26y&rev=head%7E1".parse().unwrap();
    assert_eq!(spaced.context.as_str(), "Team Süd");
    assert_eq!(spaced.rev, Rev::Ancestor(number(1)));
    assert_eq!(spaced.to_string(), "dsp://alice%20b/Team%20S%C3%BCd/a?rev=head~1&path=x%26y");
}

#[test]
fn malformed_urls() {
    for (text, part) in [
        ("http://me/main/a", "begins with `dsp://`"),
        ("dsp:/", "begins with `dsp://`"),
        ("dsp://", "no user"),
        ("dsp://me", "no context"),
        ("dsp:///main/a", "no user"),
        ("dsp://me/main/", "no stack"),
        ("dsp://me/ma%2Fin/a", "context name `ma/in`"),
        ("dsp://me/%2e%2e/a", "context name `..`"),
        ("dsp://me/main/a/../b", "stack name `a/../b`"),
        ("dsp://me/main/a?path=%zz", "write `%25`"),
        ("dsp://me/main/a?path=%4", "write `%25`"),
        ("dsp://me/main/a?path=%ff", "percent-encoded UTF-8"),
        ("dsp://me/main/a?index=1", "only `rev=` and `path=`"),
        ("dsp://me/main/a?rev", "only `rev=` and `path=`"),
        ("dsp://me/main/a?rev=v1&rev=v2", "`rev` stands twice"),
        ("dsp://me/main/a?path=x#y", "`path` stands twice"),
        ("dsp://me/main/a?rev=", "after `rev=`: no revision"),
        ("dsp://me/main/a?path=", "no attachment"),
    ] {
        let error = text.parse::<DspUrl>().expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

fn any_user() -> impl Strategy<Value = UserRef> {
    prop_oneof![
        Just(UserRef::Me),
        any::<[u8; 32]>().prop_map(|b| UserRef::Id(UserId::from_bytes(b))),
        ".{1,16}".prop_filter_map("no user", |t| t.parse().ok()),
    ]
}

fn any_rev() -> impl Strategy<Value = Rev> {
    prop_oneof![
        Just(Rev::Head),
        any::<NonZeroU32>().prop_map(Rev::Ancestor),
        any::<NonZeroU32>().prop_map(Rev::OtherHead),
        "[0-9a-f]{6,64}".prop_map(|t| t.parse().unwrap()),
        ".{1,16}".prop_filter_map("no revision", |t| t.parse().ok()),
    ]
}

fn any_url() -> impl Strategy<Value = DspUrl> {
    let context = ".{1,16}".prop_filter_map("no context", |t| t.parse().ok());
    let stack = "[a-z_/.-]{1,16}".prop_filter_map("no stack", |t| t.parse().ok());
    let attachment = proptest::option::of(".{1,40}".prop_map(|t| t.parse().unwrap()));
    (any_user(), context, stack, any_rev(), attachment).prop_map(
        |(user, context, stack, rev, attachment)| DspUrl { user, context, stack, rev, attachment },
    )
}

proptest! {
    #[test]
    fn parsing_inverts_printing(url in any_url(), parts in 0..3) {
        prop_assert_eq!(&url.to_string().parse::<DspUrl>().unwrap(), &url);
        prop_assert!(url.to_string().is_ascii());
        let mut reference = Reference::from(url);
        match (parts, &mut reference.owner) {
            (0, owner) => *owner = None,
            (1, Some(owner)) => owner.context = None,
            _ => {}
        }
        prop_assert_eq!(&reference.to_string().parse::<Reference>().unwrap(), &reference);
        let json = serde_json::to_string(&reference).unwrap();
        prop_assert_eq!(serde_json::from_str::<Reference>(&json).unwrap(), reference);
    }

    #[test]
    fn parsing_is_total(text in prop_oneof![".{0,60}", "(dsp://)?[a-c/:@#~^%?=&.12]{0,20}"]) {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        }
        if let Ok(url) = text.parse::<DspUrl>() {
            prop_assert_eq!(url.to_string().parse::<DspUrl>().unwrap(), url);
        }
    }
}
