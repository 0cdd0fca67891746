//! Which arguments are accepted, and what they match.

use super::*;

fn read(arguments: &[&str]) -> Result<Matches, (usize, String)> {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    Reader::new(Family::V4).read(&arguments)
}

fn subnets(addresses: Option<Addresses>) -> (bool, Vec<String>) {
    let addresses = addresses.expect("addresses");
    (addresses.is_negated, addresses.any_of.iter().map(ToString::to_string).collect())
}

#[test]
fn addresses_are_written_as_iptables_prints_them() {
    for (arguments, expected) in [
        (vec!["-s", "192.0.2.7"], (false, vec!["192.0.2.7/32"])),
        (vec!["--source", "192.0.2.7/24"], (false, vec!["192.0.2.0/24"])),
        (vec!["--src=192.0.2.7/255.255.255.0"], (false, vec!["192.0.2.0/24"])),
        (vec!["!", "-s", "192.0.2.7/255.255.255.255"], (true, vec!["192.0.2.7/32"])),
        (vec!["-s", "10.0.0.1,10.0.0.2"], (false, vec!["10.0.0.1/32", "10.0.0.2/32"])),
        (vec!["-s", "0.0.0.0/0.0.0.0"], (false, vec!["0.0.0.0/0"])),
    ] {
        let (is_negated, subnets) = subnets(read(&arguments).unwrap().sources);
        assert_eq!((is_negated, subnets.iter().map(String::as_str).collect()), expected);
    }
    for bad in ["192.0.2.0/255.0.255.0", "192.0.2.0/33", "example.com", "fd00::1", "", "!"] {
        assert!(read(&["-s", bad]).is_err(), "{bad}");
    }
}

#[test]
fn matches_keep_their_options_in_order() {
    let matches = read(&["-m", "tcp", "!", "--sport", "80", "-i", "eth+", "--match", "x"]).unwrap();
    assert_eq!(matches.extensions, ["-m", "tcp", "!", "--sport", "80", "-m", "x"]);
    assert_eq!(matches.device, Some(Device { is_negated: false, name: "eth+".to_owned() }));
    assert!(read(&["-m", "policy", "--dir", "in", "--pol", "ipsec"]).is_ok());
    assert!(read(&["-m", "recent", "--set", "--name", "x"]).is_ok());
}

#[test]
fn no_option_of_iptables_itself_is_accepted_in_any_spelling() {
    let long = "\
        --append --jump --goto --table --modprobe --ipv4 --protocol --zero --numeric --wait \
        --wait-interval --set-counters --fragments";
    for option in long.split(' ') {
        // The match `recent` has an option `--set`.
        for text in (2..=option.len()).map(|end| &option[..end]).filter(|text| *text != "--set") {
            assert!(read(&[text, "x"]).is_err(), "{text}");
            assert!(read(&[&format!("{text}=x")]).is_err(), "{text}=x");
        }
    }
    for option in
        ["-A", "-j", "-jX", "-g", "-t", "-p", "-o", "-4", "-6", "-M", "-w", "-f", "-", "-vj"]
    {
        assert_eq!(read(&["-m", "x", option, "y"]).unwrap_err().0, 2, "{option}");
    }
}

#[test]
fn a_refusal_names_the_argument() {
    for (arguments, index) in [
        (vec!["-s", "x"], 1),
        (vec!["-s"], 0),
        (vec!["-m", "x", "!"], 2),
        (vec!["!", "x"], 1),
        (vec!["!", "!"], 1),
        (vec!["!", "-m", "x"], 2),
        (vec!["-s", "10.0.0.1", "-s", "10.0.0.2"], 3),
        (vec!["-i", "eth0", "-i", "eth1"], 3),
        (vec!["-i", "+"], 1),
        (vec!["-m", "a", "x\ny"], 2),
        (vec!["-s 10.0.0.1"], 0),
    ] {
        assert_eq!(read(&arguments).unwrap_err().0, index, "{arguments:?}");
    }
    assert!(read(&["-m"; 65]).is_err());
}
