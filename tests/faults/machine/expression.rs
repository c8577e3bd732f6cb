//! The JSONata that the state machine uses: a handful of forms. Whatever else is met ends the run.

use serde_json::{Map, Number, Value};

/// What an expression may refer to.
#[derive(Debug)]
pub struct Scope<'a> {
    /// `$states`.
    pub states: Value,
    /// Variables.
    pub variables: &'a Map<String, Value>,
}

/// A template: every string `{% … %}` in it is evaluated. What comes to nothing is left out of objects.
pub fn fill(template: &Value, scope: &Scope<'_>) -> Value {
    match template {
        Value::String(text) => match text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")) {
            Some(expression) => evaluate(expression, scope).unwrap_or(Value::Null),
            None => template.clone(),
        },
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), fill(value, scope))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, scope)).collect()),
        other => other.clone(),
    }
}

/// The value of an expression; `None` is JSONata's nothing.
fn evaluate(expression: &str, scope: &Scope<'_>) -> Option<Value> {
    let mut reader = Reader { tokens: tokens(expression), at: 0, scope, text: expression };
    let value = reader.ternary();
    assert!(reader.at == reader.tokens.len(), "not understood: {expression}");
    value
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Variable(String),
    Text(String),
    Number(i64),
    Sign(char),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |from: &str| from.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect::<String>();
        let length;
        if first == '\'' {
            let end = rest[1..].find('\'').unwrap_or_else(|| panic!("a text without an end: {text}"));
            tokens.push(Token::Text(rest[1..=end].to_owned()));
            length = end + 2;
        } else if first == '$' {
            let name = word(&rest[1..]);
            length = name.len() + 1;
            tokens.push(Token::Variable(name));
        } else if first.is_ascii_digit() {
            let number = word(rest);
            length = number.len();
            tokens.push(Token::Number(number.parse().unwrap_or_else(|_| panic!("no whole number: {text}"))));
        } else if first.is_alphabetic() {
            let name = word(rest);
            length = name.len();
            tokens.push(Token::Name(name));
        } else {
            tokens.push(Token::Sign(first));
            length = first.len_utf8();
        }
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Reader<'a> {
    tokens: Vec<Token>,
    at: usize,
    scope: &'a Scope<'a>,
    text: &'a str,
}

impl Reader<'_> {
    fn next_is(&self, sign: char) -> bool {
        self.tokens.get(self.at) == Some(&Token::Sign(sign))
    }

    fn take(&mut self, sign: char) -> bool {
        let is = self.next_is(sign);
        self.at += usize::from(is);
        is
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Name(name)) if name == word);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: char) {
        assert!(self.take(sign), "{sign} is missing at {:?}: {}", self.tokens.get(self.at), self.text);
    }

    fn ternary(&mut self) -> Option<Value> {
        let condition = self.and();
        if !self.take('?') {
            return condition;
        }
        let yes = self.ternary();
        self.expect(':');
        let no = self.ternary();
        if holds(condition.as_ref()) { yes } else { no }
    }

    fn and(&mut self) -> Option<Value> {
        let mut value = self.comparison();
        while self.take_word("and") {
            let other = self.comparison();
            value = Some(Value::Bool(holds(value.as_ref()) && holds(other.as_ref())));
        }
        value
    }

    fn comparison(&mut self) -> Option<Value> {
        let value = self.joined();
        if self.take('=') {
            let other = self.joined();
            return Some(Value::Bool(value.is_some() && value == other));
        }
        if self.take_word("in") {
            let other = self.joined();
            let (Some(value), Some(other)) = (value, other) else { return Some(Value::Bool(false)) };
            let is_in = other.as_array().map_or(value == other, |items| items.contains(&value));
            return Some(Value::Bool(is_in));
        }
        value
    }

    fn joined(&mut self) -> Option<Value> {
        let mut value = self.path();
        while self.take('&') {
            let other = self.path();
            value = Some(Value::String(as_text(value.as_ref()) + &as_text(other.as_ref())));
        }
        value
    }

    fn path(&mut self) -> Option<Value> {
        let mut value = self.primary();
        loop {
            if self.take('.') {
                let Some(Token::Name(name)) = self.tokens.get(self.at).cloned() else {
                    panic!("a name is missing: {}", self.text)
                };
                self.at += 1;
                value = value.and_then(|value| member(&value, &name));
            } else if self.take('[') {
                value = self.select(value);
                self.expect(']');
            } else {
                return value;
            }
        }
    }

    /// `[0]`, or `[name = 'text']`.
    fn select(&mut self, value: Option<Value>) -> Option<Value> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        let items = value.map(|value| match value {
            Value::Array(items) => items,
            other => vec![other],
        });
        match token {
            Some(Token::Number(index)) => items?.into_iter().nth(usize::try_from(index).ok()?),
            Some(Token::Name(name)) => {
                self.expect('=');
                let wanted = self.primary();
                let kept = items?.into_iter().filter(|item| wanted.is_some() && item.get(&name) == wanted.as_ref());
                sequence(kept.collect())
            }
            other => panic!("{other:?} is no selection: {}", self.text),
        }
    }

    fn primary(&mut self) -> Option<Value> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Text(text)) => Some(Value::String(text)),
            Some(Token::Number(number)) => Some(Value::Number(number.into())),
            Some(Token::Variable(name)) if self.take('(') => self.call(&name),
            Some(Token::Variable(name)) if name == "states" => Some(self.scope.states.clone()),
            Some(Token::Variable(name)) => self.scope.variables.get(&name).cloned(),
            Some(Token::Sign('(')) => {
                let value = self.ternary();
                self.expect(')');
                value
            }
            Some(Token::Sign('[')) => {
                let items = self.list(']');
                Some(Value::Array(items.into_iter().flatten().collect()))
            }
            Some(Token::Sign('{')) => {
                let mut members = Map::new();
                while !self.take('}') {
                    let Some(Token::Text(name)) = self.tokens.get(self.at).cloned() else {
                        panic!("a member's name is missing: {}", self.text)
                    };
                    self.at += 1;
                    self.expect(':');
                    members.extend(self.ternary().map(|value| (name, value)));
                    self.take(',');
                }
                Some(Value::Object(members))
            }
            other => panic!("{other:?} is not understood: {}", self.text),
        }
    }

    fn list(&mut self, end: char) -> Vec<Option<Value>> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.ternary());
            self.take(',');
        }
        items
    }

    fn call(&mut self, name: &str) -> Option<Value> {
        let mut arguments = self.list(')').into_iter();
        let first = arguments.next().flatten();
        assert!(arguments.next().is_none(), "more than one argument: {}", self.text);
        let numbers = || first.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64);
        match name {
            "exists" => Some(Value::Bool(first.is_some())),
            "count" => Some(Value::Number(match &first {
                None => 0.into(),
                Some(Value::Array(items)) => items.len().into(),
                Some(_) => 1.into(),
            })),
            "type" => first.as_ref().map(|value| Value::String(kind(value).to_owned())),
            "ceil" => first.as_ref().and_then(Value::as_f64).map(|number| whole(number.ceil())),
            "min" => numbers().reduce(f64::min).map(whole),
            "max" => numbers().reduce(f64::max).map(whole),
            other => panic!("${other} is not understood: {}", self.text),
        }
    }
}

/// A member of an object; of an array of objects all that there are.
fn member(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(members) => members.get(name).cloned(),
        Value::Array(items) => sequence(items.iter().filter_map(|item| member(item, name)).collect()),
        _ => None,
    }
}

/// JSONata's sequences: none is nothing, and one is itself.
fn sequence(mut items: Vec<Value>) -> Option<Value> {
    match items.len() {
        0 => None,
        1 => items.pop(),
        _ => Some(Value::Array(items)),
    }
}

fn whole(number: f64) -> Value {
    #[allow(clippy::cast_possible_truncation, reason = "seconds of a wait")]
    Value::Number(Number::from(number as i64))
}

fn holds(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        other => panic!("{other:?} is no condition"),
    }
}

fn as_text(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
