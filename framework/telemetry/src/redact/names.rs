//! Names of keys and variables whose values are secret.

use std::iter::successors;

/// Words that nothing else ends with, so that they are also found in `dbpassword`.
const ENDINGS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "cookie",
    "authorization",
];

/// Words that are written together with a following one, as in `apikey` and `presharedkey`. Without
/// such a list, `monkey` would be a key, and `concert` a certificate.
const QUALIFIERS: &str = "\
    access admin api app auth aws basic ca client db encryption etcd host http ipsec jwt kube \
    login master pem pre private proxy public root secret server service session shared signing \
    ssh ssl tls tunnel user vpn wg wireguard wpa";

/// The longest name in words of which a secret's name may be written apart, as in `api_key`.
const LONGEST: usize = 3;

/// The words that make a name that of a secret.
pub(crate) struct Names {
    words: Vec<String>,
    /// The first bytes of each, by which most names are known to contain none of them.
    beginnings: Vec<[u8; 3]>,
}

impl Names {
    /// Returns the names that contain one of these words. Each is compared without its case and
    /// without separators: `api_key`, `apiKey` and `apikey` are the same.
    pub(crate) fn new(words: &[String]) -> Self {
        let words: Vec<String> = words.iter().map(|word| squeezed(word)).collect();
        let beginnings: Option<_> =
            words.iter().map(|word| word.as_bytes().first_chunk().copied()).collect();
        Self { beginnings: beginnings.unwrap_or_default(), words }
    }

    /// Reports whether a name contains one of the words, in the singular or plural.
    pub(crate) fn contain(&self, name: &str) -> bool {
        if !self.may_contain(name) {
            return false;
        }
        // `passWord` is one word, `dbPassword` two.
        let by_case = words(name, true);
        self.contain_one_of(&by_case) || self.contain_one_of(&words(name, false))
    }

    /// Reports whether the letters of a word may be in a name. It is asked for every key.
    fn may_contain(&self, name: &str) -> bool {
        // A word is too short, or its case is not that of single bytes.
        if self.beginnings.is_empty() || !name.is_ascii() {
            return !self.words.is_empty();
        }
        let mut last = [0; 3];
        name.bytes().filter(u8::is_ascii_alphanumeric).any(|byte| {
            last = [last[1], last[2], byte.to_ascii_lowercase()];
            self.beginnings.contains(&last)
        })
    }

    fn contain_one_of(&self, words: &[String]) -> bool {
        let written_apart = |length| words.windows(length).any(|run| self.is_word(&run.concat()));
        words.iter().any(|word| self.is_compound(word)) || (2..=LONGEST).any(written_apart)
    }

    /// Reports whether a word is a secret's name, or ends with one. The word may be of any length,
    /// as labels are.
    fn is_compound(&self, word: &str) -> bool {
        let singular = word.strip_suffix('s').unwrap_or(word);
        let ends = |ending: &&str| singular.ends_with(*ending) && self.is_word(ending);
        ENDINGS.iter().any(ends) || successors(Some(word), unqualified).any(|it| self.is_word(it))
    }

    fn is_word(&self, word: &str) -> bool {
        let singular = word.strip_suffix('s');
        self.words.iter().any(|known| known == word || singular.is_some_and(|word| known == word))
    }
}

/// Returns what follows the qualifier with which a word begins.
fn unqualified<'w>(word: &&'w str) -> Option<&'w str> {
    QUALIFIERS.split(' ').find_map(|qualifier| word.strip_prefix(qualifier))
}

/// Returns the letters and digits of a name, in lower case.
pub(crate) fn squeezed(name: &str) -> String {
    if name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return name.to_owned();
    }
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Splits a name at everything that is neither letter nor digit; and also, `by_case`, where a digit
/// or an upper-case letter begins a word, as in `dbPassword2` and `APIKey`.
fn words(name: &str, by_case: bool) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, c) in chars.iter().enumerate() {
        let begins = index > 0 && begins_word(chars[index - 1], *c, chars.get(index + 1));
        if !c.is_alphanumeric() || (by_case && begins) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn begins_word(previous: char, c: char, next: Option<&char>) -> bool {
    let ends_capitals = previous.is_uppercase() && next.is_some_and(|next| next.is_lowercase());
    let case = c.is_uppercase() && (previous.is_lowercase() || ends_capitals);
    case || c.is_numeric() != previous.is_numeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::Sinks;

    #[test]
    fn the_names_of_secrets_are_recognized_by_their_words() {
        let names = Names::new(Sinks::default().redact());
        let all = "\
            password dbPassword DB_PASSWORD dbpassword passWord passwords CNI_TOKEN CNI_SECRET \
            clientSecret clientsecret k8s_auth_token auth basicAuth basicauth oauth oauth2 \
            OAuth2Token registry.auth authorization Authorization Proxy-Authorization \
            authentication pwd DB_PWD psk wifiPSK wpapsk preSharedKey presharedkey cookie \
            Set-Cookie sessionid session sessionId SESSION_TOKEN cert caCert tlscert \
            etcd_cert_file certs certificate certificates credential credentials awsCredentials \
            creds apikey apiKey api_key APIKey APIKEY api-keys privateKey private_key PRIVATEKEY \
            bearer bearerToken passphrase pass_phrase DB_PASS jwt key keys tls.key";
        for name in all.split(' ') {
            assert!(names.contain(name), "{name} is the name of a secret");
        }
    }

    #[test]
    fn names_that_only_resemble_those_of_secrets_are_not_recognized() {
        let names = Names::new(Sinks::default().redact());
        let all = "\
            author authors authority keyboard monkey hockeyRink certain concert macAddress mac \
            secretary tokenizer bypass compass passthru obsession cookiecutter pswitch spwd2 \
            mypskill privateer uncertainty turkeys bridge ipMasq isGateway name type subnet - \
            CNI_PATH CNI_ARGS CNI_CONTAINERID CNI_IFNAME CNI_NETNS CNI_COMMAND";
        for name in all.split(' ') {
            assert!(!names.contain(name), "{name} is not the name of a secret");
        }
    }

    #[test]
    fn a_name_of_any_length_is_recognized_by_its_words() {
        let names = Names::new(Sinks::default().redact());
        let qualifiers = "ca".repeat(400_000);
        for name in [qualifiers.clone() + "key", qualifiers.clone() + "dbpassword"] {
            assert!(names.contain(&name), "…{}", &name[qualifiers.len()..]);
        }
        assert!(!names.contain(&(qualifiers + "donkey")));
    }

    /// Otherwise one of them would have to be tried after the other.
    #[test]
    fn no_qualifier_begins_with_another_one() {
        let all: Vec<&str> = QUALIFIERS.split(' ').collect();
        for one in &all {
            assert_eq!(all.iter().filter(|other| other.starts_with(one)).count(), 1, "{one}");
        }
    }

    #[test]
    fn own_words_replace_the_default_and_may_consist_of_several() {
        let names = Names::new(&["Colour".to_owned(), "api_key".to_owned()]);
        for name in ["colour", "myColours", "COLOUR_2", "apikey", "myApiKey", "my.api.keys"] {
            assert!(names.contain(name), "{name}");
        }
        for name in ["tricolour", "key", "api", "password"] {
            assert!(!names.contain(name), "{name}");
        }
        let names = Names::new(&["ÄRGER".to_owned(), "pw".to_owned()]);
        assert!(names.contain("meinÄrger") && names.contain("db-pw") && !names.contain("pwm"));
        assert!(!Names::new(&[]).contain("password"));
    }
}
