//! What the plugin answered, and what can be asked of it.

use serde_json::Value;

use crate::exchange::Exchange;
use crate::judgement::{Judgement, Stop, expect};

/// What the plugin answered to a call.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The call and all that came out of it.
    pub exchange: Exchange,
}

impl Answer {
    /// The call succeeded.
    ///
    /// # Errors
    /// The finding that it did not.
    pub fn succeeds(self) -> Judgement<Self> {
        self.expect(self.exchange.exit == Some(0), "exit 0")?;
        Ok(self)
    }

    /// The call failed: the plugin ended by itself with another status than 0.
    ///
    /// # Errors
    /// The finding that it did not.
    pub fn fails(self) -> Judgement<Self> {
        let failed = self.exchange.exit.is_some_and(|status| status != 0);
        self.expect(failed, "an error")?;
        Ok(self)
    }

    /// The call failed, and the error object has one of these codes.
    ///
    /// # Errors
    /// The finding that it is otherwise.
    pub fn fails_with(self, codes: &[u64]) -> Judgement<Self> {
        let answer = self.fails()?;
        let words: Vec<String> = codes.iter().map(u64::to_string).collect();
        let wanted = format!("an error with code {}", words.join(" or "));
        answer.expect(answer.code().is_some_and(|code| codes.contains(&code)), &wanted)?;
        Ok(answer)
    }

    /// The call succeeded, and its result.
    ///
    /// # Errors
    /// The finding that it failed, or printed no JSON object.
    pub fn result(&self) -> Judgement<Value> {
        self.clone().succeeds()?;
        let result = self.document().filter(Value::is_object);
        result.ok_or_else(|| self.finding("one JSON object on stdout"))
    }

    /// The one JSON document on stdout.
    pub fn document(&self) -> Option<Value> {
        serde_json::from_str(&self.exchange.stdout).ok()
    }

    /// The code of the error object.
    pub fn code(&self) -> Option<u64> {
        self.document()?.get("code")?.as_u64()
    }

    /// Message and details of the error object.
    pub fn words(&self) -> String {
        let document = self.document().unwrap_or_default();
        let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("{} {}", text("msg"), text("details"))
    }

    /// The message of the error object says this, whatever the case of its letters.
    ///
    /// # Errors
    /// The finding that it does not.
    pub fn says(self, word: &str) -> Judgement<Self> {
        let said = self.words().to_lowercase().contains(&word.to_lowercase());
        self.expect(said, &format!("an error whose text names {word}"))?;
        Ok(self)
    }

    /// Objects unless `holds`; what was seen is how the call ended.
    ///
    /// # Errors
    /// The finding.
    pub fn expect(&self, holds: bool, what: &str) -> Judgement {
        let expected = format!("{}: {what}", self.exchange.call);
        expect(holds, expected, || self.exchange.ending())
    }

    /// The finding that this was expected of the call.
    pub fn finding(&self, what: &str) -> Stop {
        Stop::finding(format!("{}: {what}", self.exchange.call), self.exchange.ending())
    }
}
