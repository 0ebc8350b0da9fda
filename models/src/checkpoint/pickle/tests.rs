use proptest::prelude::*;

use super::*;

fn parse(bytes: &[u8]) -> Result<Pickle, PickleError> {
    Pickle::parse(bytes, 0).map(|(pickle, _)| pickle)
}

fn refused(bytes: &[u8]) -> String {
    match parse(bytes) {
        Err(PickleError::Refused { callable, .. }) => callable,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_way_to_call_a_foreign_function_is_refused_by_its_name() {
    // REDUCE, by name and by stack, in text and binary protocols.
    assert_eq!(refused(b"cos\nsystem\n(S'echo no'\ntR."), "os.system");
    assert_eq!(
        refused(b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00lsq\x00\x85R."),
        "posix.system"
    );
    assert_eq!(
        refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R."),
        "os.system"
    );
    // INST and OBJ.
    assert_eq!(refused(b"(S'ls'\nios\nsystem\n."), "os.system");
    assert_eq!(refused(b"(cos\nsystem\nS'ls'\no."), "os.system");
    // NEWOBJ and NEWOBJ_EX.
    assert_eq!(
        refused(b"\x80\x02csubprocess\nPopen\n)\x81."),
        "subprocess.Popen"
    );
    assert_eq!(refused(b"\x80\x04\x8c\x01a\x8c\x01B\x93)}\x92."), "a.B");
    // BUILD on a class, and the result of a lookup.
    assert_eq!(refused(b"\x80\x02cos\nsystem\n}b."), "os.system");
    assert_eq!(
        refused(b"\x80\x02cbuiltins\ngetattr\n(S'a'\nS'b'\ntR."),
        "builtins.getattr"
    );
    assert_eq!(
        refused(b"\x80\x02c__builtin__\neval\n(S'1'\ntR."),
        "__builtin__.eval"
    );
    let load = b"\x80\x02ctorch.storage\n_load_from_bytes\nS'x'\n\x85R.";
    assert_eq!(refused(load), "torch.storage._load_from_bytes");
    // What an allowed call gave is no function.
    assert_eq!(
        refused(b"\x80\x02ctorch\ndevice\nS'cpu'\n\x85R)R."),
        "a value that is no function"
    );
}

#[test]
fn a_refusal_says_what_would_have_been_called_and_where() {
    let error = parse(b"cos\nsystem\n(S'ls'\ntR.").unwrap_err().to_string();
    assert_eq!(
        error,
        "the pickle would call os.system (byte 19), which a checkpoint has no business to do; \
         nothing was executed"
    );
    let error = parse(b"\x80\x02cnets\nNet\n)\x81.")
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("save the state_dict() instead)"), "{error}");
}

#[test]
fn importing_without_calling_is_harmless() {
    let pickle = parse(b"\x80\x02ctorch\nfloat16\n.").unwrap();
    assert_eq!(
        pickle.values.global(pickle.root),
        Some(("torch", "float16"))
    );
}

#[test]
fn mappings_lists_and_memo_work() {
    // {"a": [1, 2], "b": the same list}
    let pickle =
        parse(b"\x80\x02}q\x00(X\x01\x00\x00\x00a](K\x01K\x02eq\x05X\x01\x00\x00\x00bh\x05u.");
    let pickle = pickle.unwrap();
    let values = &pickle.values;
    let entries = values.dict(pickle.root).unwrap();
    let keys: Vec<_> = entries
        .iter()
        .filter_map(|&(key, _)| values.str(key))
        .collect();
    assert_eq!(keys, ["a", "b"]);
    assert_eq!(entries[0].1, entries[1].1);
    let Value::List(items) = values.get(entries[0].1) else {
        panic!()
    };
    assert_eq!(
        items.iter().map(|&id| values.int(id)).collect::<Vec<_>>(),
        [Some(1), Some(2)]
    );
}

#[test]
fn ordered_mappings_of_python_2_keep_their_pairs() {
    let pickle = b"\x80\x02ccollections\nOrderedDict\n](](U\x01aK\x01e](U\x01bK\x02ee\x85R.";
    let pickle = parse(pickle).unwrap();
    let values = &pickle.values;
    let entries = values.dict(pickle.root).unwrap().iter();
    let entries: Vec<_> = entries
        .map(|&(k, v)| (values.str(k), values.int(v)))
        .collect();
    assert_eq!(entries, [(Some("a"), Some(1)), (Some("b"), Some(2))]);
}

#[test]
fn a_list_that_calls_copy_over_and_over_hits_the_limit() {
    // A list of 1000 pairs, then OrderedDict(list) called again and again.
    let mut bytes = b"\x80\x02ccollections\nOrderedDict\nq\x00](".to_vec();
    bytes.extend(b"NN\x86".repeat(1000));
    bytes.extend(b"e\x85q\x01R");
    bytes.extend(b"h\x00h\x01R0".repeat(10_000));
    bytes.push(b'.');
    let error = parse(&bytes).unwrap_err();
    assert!(
        matches!(
            error,
            PickleError::Limit {
                what: "entries that calls copy",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn deep_nesting_neither_overflows_the_stack_nor_hangs() {
    let depth = 300_000;
    let mut bytes = b"]".repeat(depth);
    bytes.extend(b"a".repeat(depth - 1));
    bytes.push(b'.');
    drop(parse(&bytes).unwrap());
    // Tuples of tuples, nested from the inside.
    let mut bytes = b")".to_vec();
    bytes.extend(b"\x85".repeat(depth));
    bytes.push(b'.');
    drop(parse(&bytes).unwrap());
    // A list in itself.
    drop(parse(b"]q\x00h\x00a.").unwrap());
}

#[test]
fn limits_stop_what_would_grow_without_end() {
    let error = parse(&b"N".repeat(MAX_STACK + 1)).unwrap_err();
    assert!(
        matches!(
            error,
            PickleError::Limit {
                limit: MAX_STACK,
                ..
            }
        ),
        "{error}"
    );
    let error = parse(&b"(".repeat(MAX_STACK + 1)).unwrap_err();
    assert!(
        matches!(
            error,
            PickleError::Limit {
                limit: MAX_STACK,
                ..
            }
        ),
        "{error}"
    );
    let error = parse(&b"N0".repeat(MAX_OPERATIONS / 2 + 1)).unwrap_err();
    assert!(
        matches!(
            error,
            PickleError::Limit {
                limit: MAX_OPERATIONS,
                ..
            }
        ),
        "{error}"
    );
    let mut rank = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\n".to_vec();
    rank.extend(b"FloatStorage\nU\x010U\x03cpuK\x01tQK\x00(");
    rank.extend(b"K\x01".repeat(17));
    rank.extend(b"tq\x00h\x00tR.");
    let error = parse(&rank).unwrap_err();
    assert!(
        matches!(
            error,
            PickleError::Limit {
                limit: MAX_RANK,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn operations_without_operands_are_damage() {
    for bytes in [
        &b"."[..],
        b"0",
        b"1",
        b"2",
        b"R",
        b"a",
        b"e",
        b"s",
        b"u",
        b"b",
        b"t",
        b"l",
        b"d",
        b"o",
        b"Q",
        b"\x85",
        b"\x93",
        b"\x94",
        b"\x90",
        b"h\x00",
        b"(K\x01d.",
        b"K\x01N0b",
        b"(N(R",
        b"N(a",
        b"(o",
    ] {
        let error = parse(bytes).unwrap_err();
        assert!(
            matches!(
                error,
                PickleError::Malformed { .. } | PickleError::Truncated { .. }
            ),
            "{bytes:?}: {error}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_machine_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes);
    }

    /// Bytes that are mostly operations without arguments reach deeper than random ones.
    #[test]
    fn no_operations_make_the_machine_panic(
        picks in proptest::collection::vec(0usize..PIECES.len(), 0..200),
    ) {
        let mut bytes: Vec<u8> = picks.into_iter().flat_map(|pick| PIECES[pick]).copied().collect();
        bytes.push(b'.');
        let _ = parse(&bytes);
    }
}

const PIECES: [&[u8]; 36] = [
    b"(",
    b"0",
    b"1",
    b"2",
    b"N",
    b"]",
    b"}",
    b")",
    b"\x85",
    b"\x86",
    b"\x87",
    b"l",
    b"t",
    b"d",
    b"\x8f",
    b"\x91",
    b"\x90",
    b"a",
    b"e",
    b"s",
    b"u",
    b"q\x00",
    b"h\x00",
    b"\x94",
    b"R",
    b"\x81",
    b"b",
    b"o",
    b"Q",
    b"K\x02",
    b"U\x07storage",
    b"ccollections\nOrderedDict\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch\nSize\n",
    b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04tQ",
];
