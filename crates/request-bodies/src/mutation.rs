//! What clients and attackers make of a valid body.

use crate::valid::{like, valid};
use proptest::{
    collection,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Map, Value, json};

/// Text that means something to somebody: shells, templates, policies, terminals, databases, paths.
const HOSTILE: &[&str] = &[
    "\0",
    "\r\nx-header: 1",
    "../../",
    "$(id)",
    "`id`",
    "; rm -rf /",
    "${AWS::AccountId}",
    "{{resolve:secretsmanager:x}}",
    "{\"Ref\": \"identity/secret\"}",
    "*",
    "?",
    "\"]}",
    "\\",
    "' OR 1=1 --",
    "%s%n",
    "%00",
    "#",
    ":",
    "/",
    "@",
    "aws:",
    "prefect-environments:id",
    "arn:aws:iam::aws:policy/AdministratorAccess",
    "\u{202e}",
    "\u{feff}",
    "\u{212a}",
    "\u{17f}",
    "e\u{301}",
    "\u{1f4a9}",
    "\u{ff0e}",
    "\u{661}",
];

const NAMES: &[&str] = &[
    "",
    "name",
    "Name",
    "api_key",
    "worker_api_key",
    "Ref",
    "Fn::GetAtt",
    "__proto__",
    "a/b~c",
    "\u{0}",
    "PREFECT_API_KEY",
    "AWS_PROFILE",
];

/// Bodies, valid or with some mutations, as the bytes of a request; some of them are no JSON any more.
pub fn near() -> impl Strategy<Value = Vec<u8>> {
    let mutations = collection::vec((any::<Index>(), mutation()), 0..4);
    (valid(), mutations, prop_oneof![8 => Just(Text::Whole), 1 => text()]).prop_map(|(mut body, mutations, text)| {
        for (at, mutation) in mutations {
            let places = places(&body);
            mutation.apply(&mut body, at.get::<String>(&places));
        }
        text.of(&body)
    })
}

/// A JSON pointer for every value in the body.
fn places(body: &Value) -> Vec<String> {
    fn walk(value: &Value, pointer: String, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| walk(item, format!("{pointer}/{n}"), found));
            }
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(member, format!("{pointer}/{name}"), found);
            }),
            _ => {}
        }
        found.push(pointer);
    }
    let mut found = Vec::new();
    walk(body, String::new(), &mut found);
    found
}

/// One change of one value.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(Value),
    Splice(Index, &'static str),
    Repeat(usize),
    Wrap,
    Nest(usize),
    AddMember(&'static str, Value),
    DropMember(Index),
    DoubleItem(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let name = || select(NAMES);
    prop_oneof![
        odd().prop_map(Mutation::Replace),
        (any::<Index>(), select(HOSTILE)).prop_map(|(at, text)| Mutation::Splice(at, text)),
        (2..2000usize).prop_map(Mutation::Repeat),
        Just(Mutation::Wrap),
        (1..200usize).prop_map(Mutation::Nest),
        (name(), odd()).prop_map(|(name, value)| Mutation::AddMember(name, value)),
        any::<Index>().prop_map(Mutation::DropMember),
        any::<Index>().prop_map(Mutation::DoubleItem),
    ]
}

/// Values that no field expects.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![
            Value::Null,
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(1e308),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(""),
            json!([]),
            json!({}),
            json!([null]),
            json!({"": {}}),
            json!({"Ref": "identity/secret"}),
        ]),
        select(HOSTILE).prop_map(Value::from),
        like("\\PC{0,40}").prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        (1000..6000usize).prop_map(|length| Value::from("x".repeat(length))),
        (5..500usize).prop_map(|length| json!(vec!["x"; length])),
        (5..500usize)
            .prop_map(|length| json!((0..length).map(|n| (format!("k{n}"), json!("v"))).collect::<Map<_, _>>())),
    ]
}

impl Mutation {
    fn apply(self, body: &mut Value, pointer: &str) {
        let Some(value) = body.pointer_mut(pointer) else { return };
        match (self, value) {
            (Mutation::Replace(other), value) => *value = other,
            (Mutation::Splice(at, piece), Value::String(text)) => {
                let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                text.insert_str(*at.get(&ends), piece);
            }
            // Bounded: what several of them make of one text must still fit into memory.
            (Mutation::Repeat(times), Value::String(text)) => {
                *text = text.repeat(times.min(20_000 / text.len().max(1)).max(1));
            }
            (Mutation::Wrap, value) => *value = json!([value.take()]),
            (Mutation::Nest(depth), value) => {
                *value = (0..depth).fold(value.take(), |inner, _| json!({ "a": inner }));
            }
            (Mutation::AddMember(name, added), Value::Object(members)) => {
                members.insert(name.to_owned(), added);
            }
            (Mutation::DropMember(which), Value::Object(members)) if !members.is_empty() => {
                let names: Vec<String> = members.keys().cloned().collect();
                members.remove(which.get(&names));
            }
            (Mutation::DoubleItem(which), Value::Array(items)) if !items.is_empty() => {
                let item = which.get(items).clone();
                items.push(item);
            }
            // A change that means nothing here.
            _ => {}
        }
    }
}

/// What becomes of the body on its way.
#[derive(Clone, Debug)]
enum Text {
    Whole,
    CutOff(Index),
    OtherByte(Index, u8),
    GivenTwice(&'static str),
    Marked,
    Surrogate,
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        any::<Index>().prop_map(Text::CutOff),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Text::OtherByte(at, byte)),
        select(&["name", "team", "prefect"][..]).prop_map(Text::GivenTwice),
        Just(Text::Marked),
        Just(Text::Surrogate),
    ]
}

impl Text {
    fn of(self, body: &Value) -> Vec<u8> {
        let mut text = body.to_string().into_bytes();
        let before = |piece: &[u8], text: &[u8]| [piece, text.get(1..).unwrap_or_default()].concat();
        match self {
            Text::Whole => {}
            Text::CutOff(at) => text.truncate(at.index(text.len())),
            Text::OtherByte(at, byte) => {
                let at = at.index(text.len());
                text[at] = byte;
            }
            Text::GivenTwice(name) => text = before(format!("{{\"{name}\":\"other\",").as_bytes(), &text),
            Text::Marked => text.splice(0..0, [0xef, 0xbb, 0xbf]).for_each(drop),
            Text::Surrogate => text = before(br#"{"\ud800":1,"#, &text),
        }
        text
    }
}
