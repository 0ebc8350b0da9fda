use super::*;

/// An output that takes `room` bytes and then fails.
struct Disk {
    held: Vec<u8>,
    room: usize,
    fault: ErrorKind,
}

impl Write for &mut Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room).min(10);
        if taken == 0 {
            return Err(self.fault.into());
        }
        self.room -= taken;
        self.held.extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn labels() -> Vec<String> {
    ["wave", "idle"].map(String::from).to_vec()
}

fn start() -> Output {
    Output::Event(Event {
        kind: EventKind::Start,
        label: "wave".into(),
        frame: 31,
        time: Duration::from_nanos(1_291_666_666),
        decided: 32,
        score: 0.75,
    })
}

const START: &str = concat!(
    r#"{"event":"start","label":"wave","t":1.291667,"frame":31,"score":0.75,"decided":32}"#,
    "\n"
);

fn scores() -> Output {
    Output::Scores(Scores {
        frame: 2,
        time: Duration::from_millis(80),
        decided: 2,
        logits: vec![1.0, 0.0],
        probabilities: vec![0.75, 0.25],
    })
}

fn written(with_scores: bool, outputs: &[Output]) -> String {
    let mut bytes = vec![];
    let mut lines = JsonLines::new(&mut bytes, &labels(), with_scores);
    for output in outputs {
        assert!(lines.write(output, |_| unreachable!()).is_continue());
    }
    assert!(lines.finish().is_none());
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_output_is_one_line() {
    let reset = Output::Reset {
        frame: 9,
        time: Duration::from_secs(3),
        gap: Duration::from_secs(2),
    };
    assert_eq!(
        written(true, &[start(), scores(), reset]),
        START.to_owned()
            + "{\"scores\":{\"wave\":0.75,\"idle\":0.25},\"t\":0.08,\"frame\":2,\"decided\":2}\n"
            + "{\"event\":\"reset\",\"t\":3.0,\"frame\":9,\"gap\":2.0}\n"
    );
}

#[test]
fn scores_are_written_only_where_they_are_wanted() {
    assert_eq!(written(false, &[scores(), start(), scores()]), START);
}

#[test]
fn a_full_disk_is_reported_once_and_nothing_is_lost_when_there_is_room_again() {
    let mut disk = Disk {
        held: vec![],
        room: 100,
        fault: ErrorKind::StorageFull,
    };
    let mut reports = 0;
    {
        let mut lines = JsonLines::new(&mut disk, &labels(), false);
        for _ in 0..3 {
            assert!(lines.write(&start(), |_| reports += 1).is_continue());
        }
        assert_eq!(lines.finish().unwrap().0, 2);
    }
    assert_eq!((reports, disk.held.len()), (1, 100));

    let mut disk = Disk {
        held: vec![],
        room: 100,
        fault: ErrorKind::StorageFull,
    };
    let mut lines = JsonLines::new(&mut disk, &labels(), false);
    let _ = lines.write(&start(), |_| {});
    let _ = lines.write(&start(), |_| {});
    lines.output.room = 1000;
    assert!(lines.finish().is_none());
    assert_eq!(String::from_utf8(disk.held).unwrap(), START.repeat(2));
}

#[test]
fn lines_wait_up_to_a_bound() {
    let mut disk = Disk {
        held: vec![],
        room: 0,
        fault: ErrorKind::StorageFull,
    };
    let mut lines = JsonLines::new(&mut disk, &labels(), false);
    let count = (WAITING / START.len() + 10) as u64;
    for _ in 0..count {
        assert!(lines.write(&start(), |_| {}).is_continue());
    }
    assert!(lines.waiting.len() <= WAITING);
    assert_eq!(lines.finish().unwrap().0, count);
}

#[test]
fn a_reader_that_has_gone_ends_it() {
    let mut disk = Disk {
        held: vec![],
        room: 0,
        fault: ErrorKind::BrokenPipe,
    };
    let mut lines = JsonLines::new(&mut disk, &labels(), false);
    assert!(lines.write(&start(), |_| unreachable!()).is_break());
    assert!(lines.finish().is_none());
}
