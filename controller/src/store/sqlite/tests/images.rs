//! Images by page, their end, and those in the making.

use super::sample::{bare_instance, furnished, id, image, within};
use crate::{
    clock::Timestamp,
    lifecycle::table::Phase,
    store::{
        ImagesWanted, StoreError,
        record::{Image, ImageImport, ImportStatus, Instance},
    },
};
use billet_proto::ImageId;

fn number(n: u128) -> ImageId {
    ImageId::new(id(n))
}

fn wanted() -> ImagesWanted {
    let project = "lab".parse().unwrap();
    ImagesWanted { project, marker: None, limit: 9, name: None, os_type: None, shared: None }
}

fn import(n: u128) -> ImageImport {
    ImageImport {
        id: number(n),
        project_id: Some("lab".parse().unwrap()),
        by_project: "lab".parse().unwrap(),
        name: "fetched".into(),
        os_type: "Other".into(),
        url: "https://images.example/a.raw".into(),
        sha256: Some("ab".repeat(32)),
        status: ImportStatus::Queued,
        reason: String::new(),
        created_at: Timestamp(3),
        ended_at: None,
    }
}

#[test]
fn images_are_read_by_page_and_by_what_is_asked() {
    let mut store = furnished();
    let of = |n, project: &str, os_type: &str| Image {
        id: number(n),
        project_id: Some(project.parse().unwrap()),
        os_type: os_type.into(),
        ..image()
    };
    within(&mut store, |tx| {
        tx.insert_image(&of(2, "lab", "Windows"))?;
        tx.insert_image(&of(3, "other", "Linux"))?;
        tx.insert_image(&Image { name: "third".into(), ..of(4, "lab", "Linux") })
    })
    .unwrap();
    for (wanted, expected) in [
        (wanted(), vec![1, 2, 4]),
        (ImagesWanted { limit: 2, ..wanted() }, vec![1, 2]),
        (ImagesWanted { marker: Some(number(1)), ..wanted() }, vec![2, 4]),
        (ImagesWanted { name: Some("third".into()), ..wanted() }, vec![4]),
        (ImagesWanted { name: Some("' OR 1=1".into()), ..wanted() }, vec![]),
        (ImagesWanted { os_type: Some("Linux".into()), ..wanted() }, vec![1, 4]),
        (ImagesWanted { shared: Some(true), ..wanted() }, vec![1]),
        (ImagesWanted { shared: Some(false), ..wanted() }, vec![2, 4]),
    ] {
        let found = within(&mut store, |tx| tx.images_wanted(&wanted)).unwrap();
        let found: Vec<_> = found.iter().map(|image| image.id).collect();
        assert_eq!(found, expected.into_iter().map(number).collect::<Vec<_>>(), "{wanted:?}");
    }
}

#[test]
fn a_deleted_image_is_gone_at_once_and_its_row_with_the_last_instance_on_record() {
    let mut store = furnished();
    let lab = "lab".parse().unwrap();
    let ended = Instance { phase: Phase::Terminated, terminated_at: Some(Timestamp(50)), ..bare_instance(1, 1) };
    within(&mut store, |tx| {
        tx.insert_instance(&ended)?;
        tx.insert_instance(&bare_instance(2, 2))?;
        assert_eq!(tx.instances_of_image(image().id, None)?, 1, "ended ones do not count");
        assert_eq!(tx.instances_of_image(image().id, Some(&lab))?, 0);
        let owned = Image { name: "renamed".into(), project_id: Some(lab.clone()), ..image() };
        tx.update_image(&owned)?;
        assert_eq!(tx.image(image().id)?, Some(owned));
        tx.delete_image(image().id, Timestamp(60))?;
        assert_eq!((tx.image(image().id)?, tx.images()?), (None, vec![]));
        assert_eq!(tx.usage(&lab)?.images, 0);
        assert!(matches!(tx.delete_image(image().id, Timestamp(60)), Err(StoreError::Stale)));
        assert!(matches!(tx.update_image(&image()), Err(StoreError::Stale)));
        tx.purge(Timestamp(50)).map(drop)
    })
    .unwrap();
    let rows: u32 = store.connection.query_row("SELECT count(*) FROM image", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1, "an instance on record names it");
}

#[test]
fn an_import_reads_back_until_it_ends_and_counts_as_long() {
    let mut store = furnished();
    let lab = "lab".parse().unwrap();
    within(&mut store, |tx| {
        tx.insert_image_import(&import(5))?;
        tx.insert_image_import(&import(6))?;
        assert_eq!(tx.image_import(number(5))?, Some(import(5)));
        assert_eq!(tx.unfinished_image_imports()?, [import(5), import(6)]);
        assert_eq!(tx.usage(&lab)?.images, 2);
        let reason = "the server is gone".to_owned();
        let killed = ImageImport { status: ImportStatus::Killed, reason, ended_at: Some(Timestamp(70)), ..import(5) };
        tx.update_image_import(&killed)?;
        assert_eq!(tx.image_imports_wanted(&wanted())?, [killed, import(6)]);
        assert_eq!(tx.image_imports_wanted(&ImagesWanted { marker: Some(number(5)), ..wanted() })?, [import(6)]);
        assert_eq!(tx.image_imports_wanted(&ImagesWanted { project: "other".parse().unwrap(), ..wanted() })?, []);
        assert_eq!((tx.unfinished_image_imports()?, tx.usage(&lab)?.images), (vec![import(6)], 1));
        tx.purge(Timestamp(71))?;
        assert_eq!((tx.image_import(number(5))?, tx.image_import(number(6))?), (None, Some(import(6))));
        tx.delete_image_import(number(6))?;
        assert!(matches!(tx.delete_image_import(number(6)), Err(StoreError::Stale)));
        Ok(())
    })
    .unwrap();
}
