use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::*;
use crate::record::{Reader, Writer};

const FORMAT: PartFormat = PartFormat { magic: *b"QDTEST\0\x01", what: "tests" };

type Loaded = (Arc<Part>, Vec<Section>);

fn load(part: Arc<Part>, footer: &[u8]) -> Result<Loaded, PartError> {
    let mut r = Reader::new(footer);
    let n = r.count()?;
    let sections = (0..n).map(|_| Section::take(&mut r)).collect::<Result<_, _>>()?;
    Ok((part, sections))
}

fn open(dir: &Path, probe: Arc<dyn PartProbe>) -> Opened<Loaded> {
    PartFolder::open(dir, FORMAT, probe, load).unwrap()
}

fn write(folder: &PartFolder, sections: &[&[u8]], replaces: &[u64]) -> Result<Option<Loaded>, PartError> {
    let fill = |w: &mut PartWriter<'_>| {
        let mut footer = Writer::default();
        footer.uint(sections.len() as u64);
        for bytes in sections {
            w.section(bytes)?.put(&mut footer);
        }
        let marks = vec![Mark::all_before(SegmentId(7))];
        let meta = PartMeta { first_t_ns: -5, last_t_ns: 9, rows: 3, marks, replaces: replaces.to_vec() };
        Ok(Some(Filled { meta, footer: footer.bytes }))
    };
    folder.write(fill, load)
}

fn contents(loaded: &[Loaded]) -> Vec<Vec<u8>> {
    let all =
        |(part, sections): &Loaded| sections.iter().flat_map(|s| part.read(*s).unwrap()).collect::<Vec<u8>>();
    loaded.iter().map(all).collect()
}

fn only_part(dir: &Path) -> PathBuf {
    dir.join("0000000000000001.part")
}

#[test]
fn a_part_is_found_again_with_everything_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { folder, parts } = open(dir.path(), Arc::new(Unprobed));
    assert!(parts.is_empty());
    let (part, _) = write(&folder, &[b"one", b"two"], &[]).unwrap().unwrap();
    assert!(folder.write(|_| Ok(None), load).unwrap().is_none());
    let again = open(dir.path(), Arc::new(Unprobed)).parts;
    assert_eq!((again.len(), &again[0].0.meta), (1, &part.meta));
    assert_eq!(contents(&again), [b"onetwo".to_vec()]);
    assert!(part.overlaps(9, 10) && !part.overlaps(10, 11) && !part.overlaps(-9, -5));
    assert!(part.meta.marks[0].covers(SegmentId(6), i64::MAX) && !part.meta.marks[0].covers(SegmentId(7), 0));
}

#[test]
fn a_flipped_bit_in_any_byte_is_found() {
    let dir = tempfile::tempdir().unwrap();
    write(&open(dir.path(), Arc::new(Unprobed)).folder, &[b"some bytes", &[7; 50]], &[]).unwrap();
    let path = only_part(dir.path());
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, &bad).unwrap();
        let read = Part::open(&path, 1, &FORMAT).and_then(|(part, footer)| {
            let (part, sections) = load(Arc::new(part), &footer)?;
            sections.iter().try_for_each(|s| part.read(*s).map(|_| ()))
        });
        assert!(read.is_err_and(|e| e.is_damage()), "byte {at}");
    }
}

#[test]
fn a_file_cut_anywhere_is_set_aside_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    write(&open(dir.path(), Arc::new(Unprobed)).folder, &[b"some bytes"], &[]).unwrap();
    let path = only_part(dir.path());
    let good = fs::read(&path).unwrap();
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        let Opened { folder, parts } = open(dir.path(), Arc::new(Unprobed));
        assert!(parts.is_empty() && folder.damaged() == 1 && !path.exists(), "cut at {length}");
        assert!(path.with_extension("damaged").exists());
    }
}

#[test]
fn crafted_lengths_are_damage_and_allocate_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (part, _) = write(&open(dir.path(), Arc::new(Unprobed)).folder, &[b"x"], &[]).unwrap().unwrap();
    for (offset, length) in
        [(0, u64::MAX), (u64::MAX, 1), (u64::MAX, u64::MAX), (part.bytes, 1), (1, part.bytes)]
    {
        let read = part.read(Section { offset, length, crc: 0 });
        assert!(matches!(read, Err(PartError::Damaged("section outside the file"))));
    }
    // A tail whose footer is longer than the file, and footers that count more than they hold.
    let path = only_part(dir.path());
    let mut counts = Writer::default();
    for v in [0, 0, 0, u64::MAX] {
        counts.uint(v);
    }
    let footers: [(&[u8], u32); 3] =
        [(&[], u32::MAX), (&counts.bytes, counts.bytes.len() as u32), (&[0x80; 30], 30)];
    for (footer, length) in footers {
        let mut bytes = Vec::from(FORMAT.magic);
        bytes.extend_from_slice(footer);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(footer).to_le_bytes());
        bytes.extend_from_slice(&END);
        fs::write(&path, &bytes).unwrap();
        assert!(Part::open(&path, 1, &FORMAT).is_err_and(|e| e.is_damage()));
    }
}

#[test]
fn a_part_that_says_it_replaces_itself_or_a_newer_one_removes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = open(dir.path(), Arc::new(Unprobed)).folder;
    write(&folder, &[b"a"], &[1, 2, u64::MAX]).unwrap();
    write(&folder, &[b"b"], &[]).unwrap();
    assert_eq!(open(dir.path(), Arc::new(Unprobed)).parts.len(), 2);
}

/// Copies the folder before each step.
#[derive(Default)]
struct Snapshots {
    of: PathBuf,
    to: PathBuf,
    steps: Mutex<Vec<PartStep>>,
}

impl PartProbe for Snapshots {
    fn before(&self, step: PartStep) -> io::Result<()> {
        let mut steps = self.steps.lock();
        let to = self.to.join(steps.len().to_string());
        steps.push(step);
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&self.of)? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    }
}

#[test]
fn a_kill_between_any_two_steps_leaves_the_old_state_or_the_new_one() {
    let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = open(dir.path(), Arc::new(Unprobed)).folder;
    let (a, _) = write(&folder, &[b"a"], &[]).unwrap().unwrap();
    let (b, _) = write(&folder, &[b"b"], &[]).unwrap().unwrap();
    drop(folder);
    let probe = Snapshots { of: dir.path().into(), to: copies.path().into(), ..Snapshots::default() };
    let probe = Arc::new(probe);
    let folder = open(dir.path(), Arc::clone(&probe) as Arc<dyn PartProbe>).folder;
    write(&folder, &[b"a", b"b"], &[a.sequence, b.sequence]).unwrap();
    folder.remove(a.sequence);
    folder.remove(b.sequence);
    let steps = probe.steps.lock().clone();
    assert!(steps.contains(&PartStep::Publish) && steps.ends_with(&[PartStep::RemovePart; 2]), "{steps:?}");
    for (n, step) in steps.iter().enumerate() {
        let dir = copies.path().join(n.to_string());
        let Opened { folder, parts } = open(&dir, Arc::new(Unprobed));
        let renamed = matches!(step, PartStep::SyncFolder | PartStep::Publish | PartStep::RemovePart);
        let expected: &[&[u8]] = if renamed { &[b"ab"] } else { &[b"a", b"b"] };
        assert_eq!(contents(&parts), expected, "before step {n}, {step:?}");
        assert_eq!(folder.damaged(), 0);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), expected.len(), "before step {n}, {step:?}");
    }
}

/// Fails at one step.
struct Failing(PartStep, io::ErrorKind);

impl PartProbe for Failing {
    fn before(&self, step: PartStep) -> io::Result<()> {
        if step == self.0 { Err(self.1.into()) } else { Ok(()) }
    }
}

#[test]
fn a_step_that_fails_leaves_nothing_behind_and_says_whether_the_disk_is_full() {
    for step in [
        PartStep::Create,
        PartStep::Write,
        PartStep::SyncFile,
        PartStep::Rename,
        PartStep::SyncFolder,
        PartStep::Publish,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let folder = open(dir.path(), Arc::new(Failing(step, io::ErrorKind::StorageFull))).folder;
        let error = write(&folder, &[b"a"], &[]).unwrap_err();
        assert!(error.is_full() && !error.is_damage(), "{step:?}: {error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{step:?}");
    }
    assert!(
        free_bytes(Path::new("/")).is_some_and(|b| b > 0)
            && free_bytes(Path::new("/nowhere/at/all")).is_none()
    );
}
