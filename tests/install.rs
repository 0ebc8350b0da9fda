//! `praxiscope install`: what is refused, what a cut-off leaves, and the way back.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use praxiscope_tests::clip::Clip;
use praxiscope_tests::files::{
    demo_model as model, folder, left_in, say_skipped, small_disk, times,
};
use praxiscope_tests::programs::{Program, praxiscope};
use praxiscope_tests::random::Random;

fn install(folder: &Path, path: &Path) -> Program {
    let models = folder.join("models");
    praxiscope()
        .arg("install")
        .arg(path)
        .arg("--models")
        .arg(models)
}

fn watch(folder: &Path) -> Program {
    let clip = folder.join("clip.y4m");
    if !clip.exists() {
        std::fs::write(&clip, Clip::synthetic(32, 24, 12, 3).to_bytes()).unwrap();
    }
    let program = praxiscope().args("run --no-pace --input").arg(clip);
    program.arg("--models").arg(folder.join("models"))
}

/// The name of the model that the device runs.
fn runs(folder: &Path) -> String {
    let ended = watch(folder).run().good();
    let line = ended.stderr.lines().find(|line| line.starts_with("model "));
    let name = line.and_then(|line| line["model".len()..].split(':').next());
    name.unwrap_or_else(|| panic!("no model in {}", ended.stderr))
        .trim()
        .into()
}

#[test]
fn an_installed_model_runs_and_a_bad_one_changes_nothing() {
    let folder = folder();
    let folder = folder.path();
    assert_eq!(runs(folder), "demo");
    let one = model(folder, "one", |certificate| certificate);
    install(folder, &one).run().good();
    assert_eq!(runs(folder), "one");
    let wrong = model(folder, "wrong", |certificate| {
        certificate.replace("\"frames\": ", "\"frames\": 9")
    });
    install(folder, &wrong)
        .run()
        .refused(&["wrong.prax", "self-test", "as it was"]);
    let mut bytes = std::fs::read(&one).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = folder.join("damaged.prax");
    std::fs::write(&damaged, bytes).unwrap();
    install(folder, &damaged).run().refused(&["damaged.prax"]);
    install(folder, Path::new("none.prax"))
        .run()
        .refused(&["none.prax"]);
    assert_eq!(runs(folder), "one");
    assert_eq!(
        left_in(&folder.join("models")),
        ["a.prax", "state.0", "state.1"]
    );
}

#[test]
fn a_first_run_that_is_killed_leads_back_to_the_model_before() {
    let folder = folder();
    let folder = folder.path();
    install(folder, &model(folder, "one", |c| c)).run().good();
    assert_eq!(runs(folder), "one");
    install(folder, &model(folder, "two", |c| c)).run().good();
    let program = praxiscope()
        .args("run --input - --models")
        .arg(folder.join("models"));
    let mut running = program.start();
    let mut stdin = running.take_stdin();
    std::io::Write::write_all(&mut stdin, &Clip::synthetic(32, 24, 12, 3).to_bytes()).unwrap();
    // The state is the third by now: one installed, one tried and good, two installed, two tried.
    while !std::fs::read_to_string(folder.join("models/state.1"))
        .unwrap()
        .contains("trying")
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal("KILL");
    let _ = running.wait();
    let ended = watch(folder).run().good();
    assert!(
        ended.stderr.contains("back to the one before"),
        "{}",
        ended.stderr
    );
    assert_eq!(runs(folder), "one");
    install(folder, &model(folder, "three", |c| c)).run().good();
    assert_eq!(runs(folder), "three");
}

/// The moments are spread over the whole of an installation; `PRAXISCOPE_CUTS` asks for more of them.
#[test]
fn an_installation_that_is_cut_off_anywhere_leaves_a_working_model() {
    let folder = folder();
    let folder = folder.path();
    let models = ["one", "two"].map(|name| model(folder, name, |c| c));
    install(folder, &models[0]).run().good();
    assert_eq!(runs(folder), "one");
    let started = std::time::Instant::now();
    install(folder, &models[1]).run().good();
    // How long one takes changes with what else the machine does: a quarter is to come through.
    let mut whole = started.elapsed();
    assert_eq!(runs(folder), "two");
    let cuts = times("PRAXISCOPE_CUTS", 8);
    let mut random = Random::new(1);
    let (mut finished, mut cut_before, mut cut_behind) = (0, 0, 0);
    for _ in 0..cuts {
        let before = runs(folder);
        let (wanted, model) = match before.as_str() {
            "one" => ("two", &models[1]),
            _ => ("one", &models[0]),
        };
        let installing = install(folder, model).start();
        std::thread::sleep(whole.mul_f64(random.below(1000) as f64 / 1000.0));
        // It may be over by now, and nothing is left to be killed.
        let _ = Command::new("kill")
            .args(["-KILL", &installing.id().to_string()])
            .output();
        let done = installing.wait().stderr.contains("is installed");
        whole = whole.mul_f64(if done { 0.95 } else { 1.02 });
        let after = runs(folder);
        match (done, after == wanted) {
            (true, true) => finished += 1,
            (false, true) => cut_behind += 1,
            (false, false) => {
                assert_eq!(after, before);
                cut_before += 1;
            }
            (true, false) => panic!("{wanted} was installed, and {after} runs"),
        }
    }
    println!(
        "{cuts} cuts: {cut_before} left the model before, {cut_behind} the new one, and {finished} \
         installations were over by then"
    );
}

#[test]
fn a_disk_that_is_full_leaves_the_model_that_runs() {
    let folder = folder();
    let folder = folder.path();
    let one = model(folder, "one", |c| c);
    let room = std::fs::metadata(&one).unwrap().len() * 3 / 2;
    let Some(disk) = small_disk(&folder.join("models"), &room.to_string()) else {
        let why = "a small file system cannot be mounted here";
        return say_skipped(
            "install::a_disk_that_is_full_leaves_the_model_that_runs",
            why,
        );
    };
    install(folder, &one).run().good();
    assert_eq!(runs(folder), "one");
    let two = model(folder, "two", |c| c);
    for _ in 0..3 {
        install(folder, &two)
            .run()
            .refused(&["as it was", "No space left"]);
    }
    assert_eq!(runs(folder), "one");
    let left = left_in(&folder.join("models"));
    drop(disk);
    assert_eq!(left, ["a.prax", "state.0", "state.1"]);
}

/// Both state files are damaged, which no cut of the power does: what was installed is there and cannot
/// be told from what was not.
#[test]
fn a_store_whose_state_is_damaged_says_so_and_the_demo_model_runs() {
    let folder = folder();
    let folder = folder.path();
    install(folder, &model(folder, "one", |c| c)).run().good();
    assert_eq!(runs(folder), "one");
    for state in ["state.0", "state.1"] {
        let path = folder.join("models").join(state);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[10] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let ended = watch(folder).run().good();
    let told = |line: &&str| line.contains("note:") && line.contains("is damaged");
    assert!(
        ended.stderr.lines().any(|line| told(&line)),
        "{}",
        ended.stderr
    );
    assert_eq!(runs(folder), "demo");
    let config = folder.join("praxiscope.toml");
    std::fs::write(&config, "models = 'models'\nsource.input = 'clip.y4m'").unwrap();
    let doctor = praxiscope()
        .args("doctor --json --config")
        .arg(&config)
        .run();
    let model_line = &doctor.exits_with(1).json()["findings"][0];
    assert_eq!(model_line["verdict"], "bad");
    assert!(
        model_line["found"].as_str().unwrap().contains("is damaged"),
        "{model_line}"
    );
    install(folder, &model(folder, "two", |c| c)).run().good();
    assert_eq!(runs(folder), "two");
}

#[test]
fn a_signature_of_another_key_or_for_another_file_is_refused() {
    let folder = folder();
    let folder = folder.path();
    let minisign = |line: &str| {
        let command = Command::new("minisign")
            .args(line.split(' '))
            .current_dir(folder)
            .output();
        command.is_ok_and(|ended| ended.status.success())
    };
    if !minisign("-G -W -p ours.pub -s ours.key") {
        let why = "the minisign program is not installed";
        return say_skipped(
            "install::a_signature_of_another_key_or_for_another_file_is_refused",
            why,
        );
    }
    assert!(minisign("-G -W -p other.pub -s other.key"));
    let one = model(folder, "one", |c| c);
    let signed = |key: &str| install(folder, &one).arg("--verify-key").arg(key);
    let ours = folder.join("ours.pub");
    let ours = ours.to_str().unwrap();
    signed(ours).run().refused(&["one.prax.minisig"]);
    assert!(minisign("-S -W -s other.key -m one.prax"));
    signed(ours).run().refused(&["different key"]);
    assert!(minisign("-S -W -s ours.key -m one.prax"));
    signed("nonsense").run().refused(&["nonsense"]);
    signed(ours).run().good();
    let key = std::fs::read_to_string(ours).unwrap();
    signed(key.lines().nth(1).unwrap()).run().good();
    let two = model(folder, "two", |c| c);
    std::fs::rename(two, &one).unwrap();
    signed(ours).run().refused(&["verification failed"]);
    assert_eq!(runs(folder), "one");
}
