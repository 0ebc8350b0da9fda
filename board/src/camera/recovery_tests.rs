use std::collections::VecDeque;
use std::io::ErrorKind;

use anyhow::bail;
use praxiscope_runtime::frame::{FrameLayout, PixelFormat};

use super::*;

// The same on every Linux.
const EIO: i32 = 5;
const EINVAL: i32 = 22;

/// What a made-up camera does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// It opens.
    Opens,
    /// It does not.
    Refuses,
    /// It gives the frame with this sequence number.
    Gives(u32),
    /// It gives a damaged one.
    Damages(u32),
    /// It gives nothing in time.
    Silent,
    /// A call fails with this number.
    Fails(i32),
}

use Act::*;

struct Script(VecDeque<Act>);

/// A camera and its driver in one: both follow the same script.
struct Fake(std::sync::Arc<std::sync::Mutex<Script>>);

impl Fake {
    fn act(&self) -> Option<Act> {
        self.0.lock().unwrap().0.pop_front()
    }
}

impl Cameras for Fake {
    type Feed = Fake;

    fn open(&mut self) -> Result<Fake> {
        match self.act() {
            Some(Opens) => Ok(Fake(self.0.clone())),
            Some(Refuses) | None => bail!("there is no such camera"),
            Some(other) => panic!("opened where it should have been: {other:?}"),
        }
    }
}

impl Feed for Fake {
    fn next(&mut self, _: Duration) -> io::Result<Option<Delivery>> {
        let delivery = |sequence, good: bool| {
            let picture = || Frame::new(FrameLayout::packed(PixelFormat::Grey, 1, 1), vec![0]);
            Delivery {
                frame: good.then(|| picture().unwrap()),
                filled: Filled {
                    sequence,
                    time: Some(Duration::from_millis(1000 + 40 * u64::from(sequence))),
                    damaged: !good,
                },
                took: Duration::ZERO,
            }
        };
        match self.act() {
            Some(Gives(sequence)) => Ok(Some(delivery(sequence, true))),
            Some(Damages(sequence)) => Ok(Some(delivery(sequence, false))),
            Some(Silent) => Ok(None),
            Some(Fails(number)) => Err(io::Error::from_raw_os_error(number)),
            None => Err(ErrorKind::NotConnected.into()),
            Some(other) => panic!("read where it should have been: {other:?}"),
        }
    }
}

const LIMITS: Limits = Limits {
    timeout: Duration::ZERO,
    slice: Duration::ZERO,
    damaged: 3,
    give_up: Duration::from_secs(3600),
    waits: (Duration::ZERO, Duration::ZERO),
    well: Duration::from_secs(3600),
};

fn camera(script: &[Act], limits: Limits) -> Recovering<Fake> {
    let script = Script(script.iter().copied().collect());
    let shared = std::sync::Arc::new(std::sync::Mutex::new(script));
    let feed = Fake(shared.clone());
    let (stop, pulse) = (Stop::default(), Pulse::default());
    Recovering::new("test".into(), Fake(shared), feed, limits, &stop, &pulse)
}

/// The numbers of the next `count` frames.
fn frames(camera: &mut Recovering<Fake>, count: usize) -> Vec<u64> {
    let next = |_| camera.next_frame().unwrap().unwrap().frame.index();
    (0..count).map(next).collect()
}

#[test]
fn every_failure_of_the_driver_is_recovered_from() {
    for failure in [Fails(NO_DEVICE), Fails(EIO), Fails(EINVAL), Silent] {
        let script = [
            Gives(0),
            failure,
            Refuses,
            Refuses,
            Opens,
            Gives(0),
            Gives(1),
        ];
        let mut camera = camera(&script, LIMITS);
        assert_eq!(frames(&mut camera, 3), [0, 1, 2]);
        let losses = camera.losses();
        assert_eq!(
            (losses.restarts, losses.broken, losses.missed),
            (1, 0, 0),
            "{failure:?}"
        );
    }
}

#[test]
fn a_frame_was_taken_when_its_driver_says() {
    let mut camera = camera(&[Gives(0), Gives(5)], LIMITS);
    assert_eq!(camera.taken(), None);
    let mut taken = || {
        frames(&mut camera, 1);
        camera.taken().expect("the driver gives times")
    };
    let (first, second) = (taken(), taken());
    let apart = second.saturating_duration_since(first);
    assert!(apart.abs_diff(Duration::from_millis(200)) < Duration::from_secs(5));
}

#[test]
fn a_camera_that_fails_right_after_it_was_opened_is_opened_again() {
    let script = [
        Fails(EIO),
        Opens,
        Fails(EIO),
        Opens,
        Fails(NO_DEVICE),
        Opens,
        Gives(0),
    ];
    let mut camera = camera(&script, LIMITS);
    assert_eq!(frames(&mut camera, 1), [0]);
    assert_eq!(camera.losses().restarts, 3);
}

#[test]
fn damaged_and_dropped_frames_are_counted_and_passed_over() {
    let script = [
        Gives(0),
        Damages(1),
        Damages(2),
        Gives(3),
        Gives(6),
        Damages(7),
        Gives(8),
    ];
    let mut camera = camera(&script, LIMITS);
    assert_eq!(frames(&mut camera, 4), [0, 3, 6, 8]);
    let losses = camera.losses();
    assert_eq!((losses.restarts, losses.broken, losses.missed), (0, 3, 2));
}

#[test]
fn a_camera_that_gives_only_damaged_frames_is_opened_again() {
    let script = [
        Gives(0),
        Damages(1),
        Damages(2),
        Damages(3),
        Opens,
        Gives(0),
    ];
    let mut camera = camera(&script, LIMITS);
    assert_eq!(frames(&mut camera, 2).len(), 2);
    assert_eq!((camera.losses().restarts, camera.losses().broken), (1, 3));
}

#[test]
fn time_goes_on_over_a_restart() {
    let script = [Gives(0), Gives(10), Fails(EIO), Opens, Gives(50)];
    let mut camera = camera(&script, LIMITS);
    let times: Vec<_> = (0..3)
        .map(|_| {
            camera
                .next_frame()
                .unwrap()
                .unwrap()
                .frame
                .time()
                .as_millis()
        })
        .collect();
    assert_eq!(times, [0, 400, 2000]);
}

#[test]
fn one_that_does_not_come_back_is_lost_in_the_end() {
    let limits = Limits {
        give_up: Duration::ZERO,
        ..LIMITS
    };
    let mut camera = camera(&[Gives(0), Fails(NO_DEVICE), Refuses], limits);
    assert_eq!(frames(&mut camera, 1), [0]);
    let error = camera.next_frame().unwrap_err().to_string();
    assert!(error.contains("test was disconnected"), "{error}");
}

#[test]
fn a_stop_ends_the_wait_for_a_camera() {
    let limits = Limits {
        waits: (Duration::from_secs(3600), Duration::from_secs(3600)),
        ..LIMITS
    };
    let mut camera = camera(&[Fails(NO_DEVICE), Refuses], limits);
    let stop = camera.stop.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        stop.now();
    });
    assert!(camera.next_frame().unwrap().is_none());
    thread.join().unwrap();
}

/// Whatever happens at whatever moment: each good frame is given once and in order, each damaged one,
/// each dropped one and each restart is counted.
#[test]
fn a_camera_that_is_pulled_at_random_moments_loses_nothing_that_came() {
    for seed in 1..200u32 {
        let mut random = seed;
        let mut below = |limit: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 16) % limit
        };
        let (mut script, mut wanted) = (vec![], Losses::default());
        let (mut good, mut in_a_row, mut sequence) = (0, 0, 0);
        // What the driver counted last before it was opened anew.
        let mut newest = None::<u32>;
        while good < 60 {
            let failed = match below(12) {
                0 => {
                    script.push(Fails([NO_DEVICE, EIO, EINVAL][below(3) as usize]));
                    true
                }
                1 => {
                    script.push(Silent);
                    true
                }
                2 => {
                    script.push(Damages(sequence));
                    wanted.broken += 1;
                    in_a_row += 1;
                    in_a_row >= LIMITS.damaged
                }
                _ => {
                    sequence += if below(5) == 0 { below(4) } else { 0 };
                    script.push(Gives(sequence));
                    good += 1;
                    in_a_row = 0;
                    false
                }
            };
            if matches!(script.last(), Some(Gives(_) | Damages(_))) {
                let step = newest.map_or(1, |newest| sequence.wrapping_sub(newest));
                wanted.missed += u64::from(if step < 1 << 31 {
                    step.saturating_sub(1)
                } else {
                    0
                });
                newest = Some(sequence);
                sequence += 1;
            }
            if failed {
                wanted.restarts += 1;
                script.extend((0..below(4)).map(|_| Refuses));
                script.push(Opens);
                (in_a_row, sequence) = (0, 0);
            }
        }
        let mut camera = camera(&script, LIMITS);
        let numbers = frames(&mut camera, good);
        assert!(numbers.is_sorted_by(|a, b| a < b), "{seed}: {numbers:?}");
        assert_eq!(camera.losses(), wanted, "{seed}");
    }
}
