//! Power cuts: what a store does is recorded, and all that was not yet synced is lost at every point.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use praxiscope_runtime::bundle::Archive;

use super::disk::Disk;
use super::state::Standing;
use super::store::Store;
use super::*;

type Names = BTreeMap<String, usize>;

#[derive(Clone, Debug, PartialEq)]
enum Op {
    /// A file is made, or emptied.
    Create(String),
    Append(String, Vec<u8>),
    Sync(String),
    Rename(String, String),
    Remove(String),
    SyncFolder,
}

/// A disk that remembers what was done to it. Clones are the same disk.
#[derive(Clone, Default)]
struct Recorded {
    names: Rc<RefCell<Names>>,
    contents: Rc<RefCell<Vec<Vec<u8>>>>,
    log: Rc<RefCell<Vec<Op>>>,
}

impl Recorded {
    fn act(&self, op: Op) {
        let (mut names, mut contents) = (self.names.borrow_mut(), self.contents.borrow_mut());
        match &op {
            Op::Create(name) => match names.get(name) {
                Some(&file) => contents[file].clear(),
                None => {
                    contents.push(vec![]);
                    names.insert(name.clone(), contents.len() - 1);
                }
            },
            Op::Append(name, bytes) => contents[names[name]].extend(bytes),
            Op::Rename(from, to) => {
                let file = names.remove(from).unwrap();
                names.insert(to.clone(), file);
            }
            Op::Remove(name) => drop(names.remove(name)),
            Op::Sync(_) | Op::SyncFolder => {}
        }
        self.log.borrow_mut().push(op);
    }
}

impl Disk for Recorded {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = self.names.borrow().get(name).copied();
        Ok(file.map(|file| self.contents.borrow()[file].clone()))
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.act(Op::Create(name.into()));
        let (first, second) = bytes.split_at(bytes.len() / 2);
        self.act(Op::Append(name.into(), first.into()));
        self.act(Op::Append(name.into(), second.into()));
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.act(Op::Sync(name.into()));
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.act(Op::Rename(from.into(), to.into()));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        if self.names.borrow().contains_key(name) {
            self.act(Op::Remove(name.into()));
        }
        Ok(())
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.act(Op::SyncFolder);
        Ok(())
    }
}

/// What may be on the platter: for each file its content since it was synced last, for each name the
/// files that it had since the folder was.
#[derive(Clone, Default)]
struct Platter {
    names: BTreeMap<String, Vec<Option<usize>>>,
    contents: Vec<Vec<Vec<u8>>>,
}

impl Platter {
    fn holds(&self, name: &str) -> Option<usize> {
        *self.names.get(name)?.last()?
    }

    fn becomes(&mut self, name: &str, file: Option<usize>) {
        self.names
            .entry(name.into())
            .or_insert_with(|| vec![None])
            .push(file);
    }

    fn act(&mut self, op: &Op) {
        match op {
            Op::Create(name) => match self.holds(name) {
                Some(file) => self.contents[file].push(vec![]),
                None => {
                    self.contents.push(vec![vec![]]);
                    self.becomes(name, Some(self.contents.len() - 1));
                }
            },
            Op::Append(name, bytes) => {
                let file = self.holds(name).unwrap();
                let versions = &mut self.contents[file];
                let longer = [versions.last().unwrap(), &bytes[..]].concat();
                // Its length may be known before its samples: they are zeros then.
                versions.push(vec![0; longer.len()]);
                versions.push(longer);
            }
            Op::Sync(name) => {
                let file = self.holds(name).unwrap();
                let versions = &mut self.contents[file];
                versions.drain(..versions.len() - 1);
            }
            Op::Rename(from, to) => {
                let file = self.holds(from);
                // A file system without a journal may lose both names, or show one file under both.
                self.becomes(to, None);
                self.becomes(to, file);
                self.becomes(from, None);
            }
            Op::Remove(name) => self.becomes(name, None),
            Op::SyncFolder => {
                self.names
                    .values_mut()
                    .for_each(|files| drop(files.drain(..files.len() - 1)));
            }
        }
    }

    /// Every disk that a power cut may leave, in whatever order things reached it.
    fn left(&self) -> Vec<Recorded> {
        let mut left = vec![(Names::new(), BTreeMap::<usize, Vec<u8>>::new())];
        for (name, files) in &self.names {
            let mut more = vec![];
            let mut files = files.clone();
            files.sort();
            files.dedup();
            for (names, contents) in &left {
                for file in &files {
                    let Some(file) = *file else {
                        more.push((names.clone(), contents.clone()));
                        continue;
                    };
                    let mut names = names.clone();
                    names.insert(name.clone(), file);
                    let known = contents.get(&file).cloned();
                    let versions =
                        known.map_or_else(|| self.contents[file].clone(), |one| vec![one]);
                    for version in versions {
                        let mut contents = contents.clone();
                        contents.insert(file, version);
                        more.push((names.clone(), contents));
                    }
                }
            }
            left = more;
        }
        let disk = |(names, contents): (Names, BTreeMap<usize, Vec<u8>>)| {
            let all = (0..self.contents.len())
                .map(|file| contents.get(&file).cloned().unwrap_or_default());
            Recorded {
                names: Rc::new(RefCell::new(names)),
                contents: Rc::new(RefCell::new(all.collect())),
                log: Rc::default(),
            }
        };
        left.into_iter().map(disk).collect()
    }
}

/// A bundle with nothing in it but its name.
fn bundle(name: &str) -> Bundle {
    let demo = Bundle::from_bytes(DEMO_MODEL).unwrap();
    let mut manifest = demo.manifest().clone();
    manifest.name = name.into();
    let mut archive = Archive::default();
    let text = manifest.to_toml().unwrap().into_bytes();
    archive.insert("manifest.toml", text).unwrap();
    Bundle::from_archive(archive).unwrap()
}

fn store(disk: &Recorded) -> Store<Recorded> {
    Store::open(disk.clone()).unwrap()
}

fn install(disk: &Recorded, name: &str) {
    let bundle = bundle(name);
    let new = store(disk)
        .prepare(&bundle.to_bytes(), &bundle.digest())
        .unwrap();
    store(disk).activate(&new).unwrap();
}

fn choose(disk: &Recorded) -> Result<Option<String>, String> {
    let chosen = store(disk).choose().map_err(|error| format!("{error:#}"))?;
    Ok(chosen.map(|chosen| chosen.bundle.manifest().name.clone()))
}

fn chosen(disk: &Recorded) -> Option<String> {
    choose(disk).unwrap()
}

fn ends(disk: &Recorded, name: &str, standing: Standing) {
    store(disk).tried(&bundle(name).digest(), standing).unwrap();
}

/// What is done, which models a power cut in its middle may leave, and which one its end.
type Step = (
    fn(&Recorded),
    &'static [Option<&'static str>],
    Option<&'static str>,
);

/// A device's life. `""` stands for the demo model.
const LIFE: &[Step] = &[
    (|d| install(d, "one"), &[None, Some("one")], Some("one")),
    (|d| drop(chosen(d)), &[Some("one")], Some("one")),
    (
        |d| ends(d, "one", Standing::Good),
        &[Some("one")],
        Some("one"),
    ),
    (
        |d| install(d, "two"),
        &[Some("one"), Some("two")],
        Some("two"),
    ),
    // Cut off in its first run, or before: both are right while that is noted.
    (
        |d| drop(chosen(d)),
        &[Some("one"), Some("two")],
        Some("one"),
    ),
    (
        |d| ends(d, "two", Standing::Good),
        &[Some("one"), Some("two")],
        Some("two"),
    ),
    (
        |d| install(d, "three"),
        &[Some("two"), Some("three")],
        Some("three"),
    ),
    (
        |d| drop(chosen(d)),
        &[Some("two"), Some("three")],
        Some("two"),
    ),
    (
        |d| ends(d, "three", Standing::New),
        &[Some("two"), Some("three")],
        Some("three"),
    ),
    (
        |d| drop(chosen(d)),
        &[Some("two"), Some("three")],
        Some("two"),
    ),
    (|d| drop(chosen(d)), &[Some("two")], Some("two")),
    (
        |d| install(d, "four"),
        &[Some("two"), Some("four")],
        Some("four"),
    ),
    // The untried one makes place for the next, and not the one that is known to be good.
    (
        |d| install(d, "five"),
        &[Some("two"), Some("four"), Some("five")],
        Some("five"),
    ),
];

/// Lives the life and cuts the power at every point: how many disks were looked at, or the first
/// that was not as it should be.
fn cut(forgets: fn(&Op) -> bool) -> Result<usize, String> {
    let (disk, mut platter) = (Recorded::default(), Platter::default());
    let mut seen = 0;
    for (number, (step, within, after)) in LIFE.iter().enumerate() {
        disk.log.borrow_mut().clear();
        step(&disk);
        let log: Vec<Op> = disk
            .log
            .borrow()
            .iter()
            .filter(|op| !forgets(op))
            .cloned()
            .collect();
        for (point, op) in log.iter().enumerate() {
            platter.act(op);
            let good: Vec<_> = match point + 1 == log.len() {
                true => vec![*after],
                false => within.to_vec(),
            };
            for left in platter.left() {
                seen += 1;
                let shown = |what| format!("step {number}, {point} {op:?}: {what:?} of {good:?}");
                let found = choose(&left).map_err(|error| shown(Some(error)))?;
                if !good.contains(&found.as_deref()) {
                    return Err(shown(found));
                }
                // It goes on working: the next model can be installed.
                install(&left, "next");
                let next = choose(&left).map_err(|error| shown(Some(error)))?;
                if next.as_deref() != Some("next") {
                    return Err(shown(next));
                }
            }
        }
    }
    Ok(seen)
}

#[test]
fn a_power_cut_at_any_write_leaves_a_working_model() {
    let seen = cut(|_| false).unwrap();
    assert!(seen > 300, "{seen}");
}

/// The test above can fail: without either kind of sync a power cut loses what was promised.
#[test]
fn without_a_sync_a_power_cut_is_found_out() {
    assert!(cut(|op| matches!(op, Op::Sync(_))).is_err());
    assert!(cut(|op| matches!(op, Op::SyncFolder)).is_err());
}

#[test]
fn a_damaged_slot_leads_back_and_a_lost_one_is_told() {
    let disk = Recorded::default();
    install(&disk, "one");
    drop(chosen(&disk));
    ends(&disk, "one", Standing::Good);
    install(&disk, "two");
    let mut damaged = disk.clone();
    damaged.write("b.prax", b"rust").unwrap();
    assert_eq!(chosen(&disk).as_deref(), Some("one"));
    damaged.write("a.prax", b"").unwrap();
    let error = store(&disk).choose().unwrap_err().to_string();
    assert!(error.contains("install it again"), "{error}");
}

#[test]
fn two_who_install_at_once_do_not_mix() {
    let disk = Recorded::default();
    let (one, two) = (bundle("one"), bundle("two"));
    let first = store(&disk)
        .prepare(&one.to_bytes(), &one.digest())
        .unwrap();
    let second = store(&disk)
        .prepare(&two.to_bytes(), &two.digest())
        .unwrap();
    assert!(store(&disk).activate(&first).is_err());
    store(&disk).activate(&second).unwrap();
    // Who failed does not take away what the other one installed.
    store(&disk).discard(&first);
    assert_eq!(chosen(&disk).as_deref(), Some("two"));
}
