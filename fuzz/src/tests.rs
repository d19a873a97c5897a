use super::*;
use absio_proto::Entropy as _;

/// One seed with one to four small changes.
fn changed(seed: &[u8], entropy: &mut world::Fixed) -> Vec<u8> {
    let mut draw = || {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes).unwrap();
        u64::from_be_bytes(bytes) as usize
    };
    let mut input = seed.to_vec();
    for _ in 0..=draw() % 4 {
        let position = draw() % (input.len() + 1);
        let length = draw() % 16;
        match draw() % 6 {
            0 => input.truncate(position),
            1 => input.insert(position, draw() as u8),
            2 => drop(input.drain(position..(position + length).min(input.len()))),
            3 => {
                let copy = input[position..(position + length).min(input.len())].to_vec();
                let place = draw() % (input.len() + 1);
                input.splice(place..place, copy);
            }
            4 => {
                if let Some(byte) = input.get_mut(position) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff][draw() % 5];
                }
            }
            _ => {
                if let Some(byte) = input.get_mut(position) {
                    *byte ^= 1 << (draw() % 8);
                }
            }
        }
    }
    input
}

#[test]
fn every_target_survives_its_seeds_and_changes_of_them() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        (target.run)(&[]);
        for seed in &seeds {
            (target.run)(seed);
        }
        let mut entropy = world::Fixed(1);
        for round in 0..target.changes {
            (target.run)(&changed(&seeds[round % seeds.len()], &mut entropy));
        }
    }
}

#[test]
fn what_once_broke_a_promise_holds() {
    let mut count = 0;
    for target in TARGETS {
        for input in regressions(target.name) {
            (target.run)(&input);
            count += 1;
        }
    }
    assert!(count > 0, "no regression was found: the folder is elsewhere");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(TARGETS.iter().any(|target| *target.name == *name), "{name:?} is no target");
    }
}

#[test]
fn every_target_has_its_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    assert_eq!(files, names);
}

#[test]
fn genuine_inputs_are_accepted() {
    use absio_proto::crypto::segment::open_segment;
    let (genuine, signed) = world::sealed_content();
    let opened = open_segment(&genuine, &world::content_context(), &signed, world::keys().content_secret());
    assert_eq!(opened.unwrap(), world::plaintext());
    let [first, second] = world::revisions();
    assert_eq!(absio_proto::crypto::rules::check_creation(&first), Ok(()));
    assert_eq!(absio_proto::crypto::rules::check_transition(&first, &second).err(), None);
}

#[test]
fn genuine_replies_are_accepted_and_others_are_noticed() {
    for operation in 0..replies::OPERATIONS.len() as u8 {
        let (given, genuine) = replies::replay(operation, 0, |reply| Ok(reply.clone())).unwrap();
        assert_eq!(&given, genuine, "operation {operation}");
        let emptied = replies::replay(operation, 0, |reply| {
            Ok(absio_proto::effect::HttpResponse { body: Vec::new(), ..reply.clone() })
        });
        assert!(emptied.is_err(), "operation {operation}");
    }
}
