use super::*;

fn labels() -> Vec<String> {
    ["wave", "clap hands", "idle"].map(String::from).to_vec()
}

fn read(name: &str, text: &str) -> Result<Dataset, EvaluateError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    Dataset::read(&path, &labels(), &Reading::default())
}

fn found(name: &str, text: &str) -> Vec<(String, usize)> {
    let items = read(name, text).unwrap().items;
    let class = |item: Item| match item.truth {
        Truth::Class(class) => (item.name, class),
        Truth::Spans(_) => panic!("clips are expected"),
    };
    items.into_iter().map(class).collect()
}

fn pair(name: &str, class: usize) -> (String, usize) {
    (name.to_owned(), class)
}

#[test]
fn every_form_of_list_is_read() {
    let expected = [pair("a.mp4", 0), pair("b c.mp4", 1)];
    for (name, text) in [
        (
            "list.csv",
            "path,label\na.mp4,wave\n\"b c.mp4\",Clap Hands\n",
        ),
        ("list.csv", "label,video\nwave,a.mp4\nclap_hands,b c.mp4\n"),
        ("list.txt", "a.mp4 0\nb c.mp4 1\n"),
        ("list.txt", "a.mp4 30 0\nb c.mp4 12 1\n"),
    ] {
        assert_eq!(found(name, text), expected, "{text}");
    }
    assert_eq!(
        found("train.csv", "34870;Clap hands\n56557;Wave"),
        [pair("34870", 1), pair("56557", 0)]
    );
    let json = r#"[{"id": "7", "label": "clapping hands", "template": "Clap [hands]"}]"#;
    assert_eq!(found("validation.json", json), [pair("7.webm", 1)]);
    let kinetics = "label,youtube_id,time_start,time_end,split\nclap hands,x_-y,10,20,val\n";
    assert_eq!(
        found("val.csv", kinetics),
        [pair("clap hands/x_-y_000010_000020.mp4", 1)]
    );
    assert_eq!(
        found("testlist01.txt", "ClapHands/v_1.avi\nWave/v_2.avi\n"),
        [pair("ClapHands/v_1.avi", 1), pair("Wave/v_2.avi", 0)]
    );
}

#[test]
fn the_numbers_of_ucf_count_from_one_where_its_classes_lie_beside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trainlist01.txt");
    std::fs::write(&path, "Wave/v_1.avi 2\n").unwrap();
    std::fs::write(
        folder.path().join("classInd.txt"),
        "1 ClapHands\r\n2 Wave\r\n",
    )
    .unwrap();
    let dataset = Dataset::read(&path, &labels(), &Reading::default()).unwrap();
    assert_eq!(dataset.items[0].truth, Truth::Class(0));
}

#[test]
fn rows_with_times_are_long_videos() {
    let text = "path,start,end,label\nday.mp4,1.5,3,wave\nday.mp4,7,8,clap hands\nb.mp4,0,1,wave\n";
    let dataset = read("days.csv", text).unwrap();
    assert!(dataset.has_spans());
    assert_eq!(dataset.items.len(), 2);
    let Truth::Spans(spans) = &dataset.items[0].truth else {
        panic!("spans are expected");
    };
    assert_eq!((spans.len(), spans[0].start, spans[1].class), (2, 1.5, 1));
    assert!(read("days.csv", "path,start,end,label\nday.mp4,3,3,wave\n").is_err());
}

#[test]
fn folders_are_classes() {
    let folder = tempfile::tempdir().unwrap();
    for file in [
        "wave/b.mp4",
        "wave/a.y4m",
        "wave/notes.txt",
        "clap_hands/x/1.jpg",
    ] {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let dataset = Dataset::read(folder.path(), &labels(), &Reading::default()).unwrap();
    let names: Vec<&str> = dataset
        .items
        .iter()
        .map(|item| item.name.as_str())
        .collect();
    assert_eq!(names, ["clap_hands/x", "wave/a.y4m", "wave/b.mp4"]);
}

#[test]
fn classes_that_the_network_lacks_are_named_or_left_out() {
    let text = "path,label\na.mp4,wave\nb.mp4,juggle\n";
    let refused = read("list.csv", text).unwrap_err().to_string();
    assert!(refused.contains("juggle"), "{refused}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    std::fs::write(&path, text).unwrap();
    let reading = Reading {
        skip_unknown: true,
        ..Reading::default()
    };
    let dataset = Dataset::read(&path, &labels(), &reading).unwrap();
    assert_eq!(dataset.items.len(), 1);
    assert!(dataset.left_out.contains("juggle"));
}
