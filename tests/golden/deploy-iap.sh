#!/usr/bin/env bash
# Deployment of Nevus: project my-project, region europe-west4, access iap. Printed by a dry run; nothing was changed.
set -euo pipefail
export CLOUDSDK_CORE_PROJECT=my-project CLOUDSDK_CORE_DISABLE_PROMPTS=1
PROJECT_NUMBER=$(gcloud projects describe my-project '--format=value(projectNumber)')
ADMIN=${ADMIN:-$(gcloud config get account)}


# apis: The APIs that are called below and at run time.
gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com cloudscheduler.googleapis.com compute.googleapis.com firestore.googleapis.com iam.googleapis.com iamcredentials.googleapis.com logging.googleapis.com monitoring.googleapis.com ondemandscanning.googleapis.com run.googleapis.com secretmanager.googleapis.com storage.googleapis.com iap.googleapis.com

# network nevus: The network through which the gateway reaches inference.
if found=$(gcloud compute networks describe nevus '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud compute networks create nevus --subnet-mode=custom
fi

# subnet nevus: Google's APIs and run.app are reached from it without an address of its own; nothing else is.
if found=$(gcloud compute networks subnets describe nevus --region=europe-west4 '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud compute networks subnets update nevus --region=europe-west4 --enable-private-ip-google-access
else
  gcloud compute networks subnets create nevus --network=nevus --region=europe-west4 --range=10.8.0.0/24 --enable-private-ip-google-access
fi

# repository nevus: Images; a tag never moves, and services name digests.
if found=$(gcloud artifacts repositories describe nevus --location=europe-west4 '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud artifacts repositories update nevus --location=europe-west4 --immutable-tags
else
  gcloud artifacts repositories create nevus --location=europe-west4 --repository-format=docker --immutable-tags
fi

# bucket photos: Bucket of photos: clean photos and the quarantine of direct uploads; an erased photo is gone at once: no soft delete.
if found=$(gcloud storage buckets describe gs://my-project-nevus-photos '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud storage buckets update gs://my-project-nevus-photos --uniform-bucket-level-access --public-access-prevention --lifecycle-file=deploy/lifecycle/photos.json --no-versioning --clear-soft-delete
else
  gcloud storage buckets create gs://my-project-nevus-photos --location=europe-west4 --uniform-bucket-level-access --public-access-prevention
  gcloud storage buckets update gs://my-project-nevus-photos --uniform-bucket-level-access --public-access-prevention --lifecycle-file=deploy/lifecycle/photos.json --no-versioning --clear-soft-delete
fi

# bucket models: Bucket of models: the model registry; old generations of channels are kept for 30 days.
if found=$(gcloud storage buckets describe gs://my-project-nevus-models '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud storage buckets update gs://my-project-nevus-models --uniform-bucket-level-access --public-access-prevention --lifecycle-file=deploy/lifecycle/models.json --versioning --soft-delete-duration=7d
else
  gcloud storage buckets create gs://my-project-nevus-models --location=europe-west4 --uniform-bucket-level-access --public-access-prevention
  gcloud storage buckets update gs://my-project-nevus-models --uniform-bucket-level-access --public-access-prevention --lifecycle-file=deploy/lifecycle/models.json --versioning --soft-delete-duration=7d
fi

# bucket training: Bucket of training: checkpoints and results of scoring, gone after 30 days; base manifests under data/, which stay.
if found=$(gcloud storage buckets describe gs://my-project-nevus-training '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud storage buckets update gs://my-project-nevus-training --uniform-bucket-level-access --public-access-prevention --lifecycle-file=deploy/lifecycle/training.json --no-versioning --clear-soft-delete
else
  gcloud storage buckets create gs://my-project-nevus-training --location=europe-west4 --uniform-bucket-level-access --public-access-prevention
  gcloud storage buckets update gs://my-project-nevus-training --uniform-bucket-level-access --public-access-prevention --lifecycle-file=deploy/lifecycle/training.json --no-versioning --clear-soft-delete
fi

# bucket build: Bucket of build: sources of builds; gone after 7 days.
if found=$(gcloud storage buckets describe gs://my-project-nevus-build '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud storage buckets update gs://my-project-nevus-build --uniform-bucket-level-access --public-access-prevention --lifecycle-file=deploy/lifecycle/build.json --no-versioning --clear-soft-delete
else
  gcloud storage buckets create gs://my-project-nevus-build --location=europe-west4 --uniform-bucket-level-access --public-access-prevention
  gcloud storage buckets update gs://my-project-nevus-build --uniform-bucket-level-access --public-access-prevention --lifecycle-file=deploy/lifecycle/build.json --no-versioning --clear-soft-delete
fi

# model champion: The model that ships, its pointer last, unless another one is there.
if found=$(gcloud storage objects describe gs://my-project-nevus-models/channels/champion.json '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud storage cp --recursive --no-clobber models/efficientnet_lite0 gs://my-project-nevus-models/
  gcloud storage cp --if-generation-match=0 models/channels/champion.json gs://my-project-nevus-models/channels/champion.json
fi

# database nevus: Records, audit log and training runs.
if found=$(gcloud firestore databases describe --database=nevus '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud firestore databases update --database=nevus --delete-protection
else
  gcloud firestore databases create --database=nevus --location=europe-west4 --delete-protection
fi

# index records owner created_at: A query of records by owner, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=owner,order=ascending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records case_id created_at: A query of records by case_id, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=case_id,order=ascending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records owner case_id created_at: A query of records by owner, case_id, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=owner,order=ascending --field-config=field-path=case_id,order=ascending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records status created_at: A query of records by status, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=status,order=ascending --field-config=field-path=created_at,order=ascending --async || true  # fine if it says: already exists

# index records confirmed created_at: A query of records by confirmed, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=confirmed,order=ascending --field-config=field-path=created_at,order=ascending --async || true  # fine if it says: already exists

# index records diagnosed created_at: A query of records by diagnosed, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=diagnosed,order=ascending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records review created_at: A query of records by review, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=review,order=descending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records urgency created_at: A query of records by urgency, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=urgency,order=descending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records decision urgency created_at: A query of records by decision, urgency, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=decision,order=ascending --field-config=field-path=urgency,order=descending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records status urgency created_at: A query of records by status, urgency, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=status,order=ascending --field-config=field-path=urgency,order=descending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records modality urgency created_at: A query of records by modality, urgency, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=modality,order=ascending --field-config=field-path=urgency,order=descending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records decision modality urgency created_at: A query of records by decision, modality, urgency, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=decision,order=ascending --field-config=field-path=modality,order=ascending --field-config=field-path=urgency,order=descending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# index records modality status urgency created_at: A query of records by modality, status, urgency, created_at.
gcloud firestore indexes composite create --database=nevus --collection-group=records --query-scope=collection --field-config=field-path=modality,order=ascending --field-config=field-path=status,order=ascending --field-config=field-path=urgency,order=descending --field-config=field-path=created_at,order=descending --async || true  # fine if it says: already exists

# indexes of field records body: Field body of records: no index.
gcloud firestore indexes fields update body --collection-group=records --database=nevus --disable-indexes

# indexes of field records cam: Field cam of records: no index.
gcloud firestore indexes fields update cam --collection-group=records --database=nevus --disable-indexes

# indexes of field records embedding: Field embedding of records: no index.
gcloud firestore indexes fields update embedding --collection-group=records --database=nevus --disable-indexes

# indexes of field records expires_at: Field expires_at of records: no index.
gcloud firestore indexes fields update expires_at --collection-group=records --database=nevus --disable-indexes

# indexes of field chain entry: Field entry of chain: no index.
gcloud firestore indexes fields update entry --collection-group=chain --database=nevus --disable-indexes

# indexes of field chain hash: Field hash of chain: no index.
gcloud firestore indexes fields update hash --collection-group=chain --database=nevus --disable-indexes

# indexes of field heads sequence: Field sequence of heads: no index.
gcloud firestore indexes fields update sequence --collection-group=heads --database=nevus --disable-indexes

# indexes of field heads hash: Field hash of heads: no index.
gcloud firestore indexes fields update hash --collection-group=heads --database=nevus --disable-indexes

# indexes of field runs body: Field body of runs: no index.
gcloud firestore indexes fields update body --collection-group=runs --database=nevus --disable-indexes

# indexes of field locks run: Field run of locks: no index.
gcloud firestore indexes fields update run --collection-group=locks --database=nevus --disable-indexes

# ttl: Tombstones of erased records go 30 days after the erasure.
gcloud firestore fields ttls update expires_at --collection-group=records --database=nevus --enable-ttl

# secret admins: E-mail addresses of the admins, at first of whoever deploys.
if found=$(gcloud secrets describe nevus-admins '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud secrets create nevus-admins --replication-policy=user-managed --locations=europe-west4 --data-file=- <<END
${ADMIN}
END
fi

# secret public-keys: Public keys of model versions that may be served; none: all of them.
if found=$(gcloud secrets describe nevus-public-keys '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud secrets create nevus-public-keys --replication-policy=user-managed --locations=europe-west4 --data-file=- <<'END'
none
END
fi

# secret signing-key: Private key that the training job signs versions with, or none.
if found=$(gcloud secrets describe nevus-signing-key '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud secrets create nevus-signing-key --replication-policy=user-managed --locations=europe-west4 --data-file=- <<'END'
none
END
fi

# account gateway: Identity `gateway`: the public API: photos, records, starting a training run.
if found=$(gcloud iam service-accounts describe nevus-gateway@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud iam service-accounts create nevus-gateway '--display-name=Nevus gateway'
fi

# account inference: Identity `inference`: the model server: reads models.
if found=$(gcloud iam service-accounts describe nevus-inference@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud iam service-accounts create nevus-inference '--display-name=Nevus inference'
fi

# account training: Identity `training`: the training and scoring job: reads photos and diagnoses, writes versions and their challenger.
if found=$(gcloud iam service-accounts describe nevus-training@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud iam service-accounts create nevus-training '--display-name=Nevus training'
fi

# account promoter: Identity `promoter`: no program of its own: whoever moves a channel does it in this name.
if found=$(gcloud iam service-accounts describe nevus-promoter@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud iam service-accounts create nevus-promoter '--display-name=Nevus promoter'
fi

# account scheduler: Identity `scheduler`: Cloud Scheduler's calls to the gateway.
if found=$(gcloud iam service-accounts describe nevus-scheduler@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud iam service-accounts create nevus-scheduler '--display-name=Nevus scheduler'
fi

# account build: Identity `build`: Cloud Build: tests, builds, scans, pushes, releases.
if found=$(gcloud iam service-accounts describe nevus-build@my-project.iam.gserviceaccount.com '--format=value(email)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud iam service-accounts create nevus-build '--display-name=Nevus build'
fi

# role nevusObjectReader: Custom role: read and list objects.
if found=$(gcloud iam roles describe nevusObjectReader --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusObjectReader --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusObjectReader --project=my-project '--title=Nevus: read and list objects' --permissions=storage.objects.get,storage.objects.list --stage=GA
else
  gcloud iam roles create nevusObjectReader --project=my-project '--title=Nevus: read and list objects' --permissions=storage.objects.get,storage.objects.list --stage=GA
fi

# role nevusObjectKeeper: Custom role: keep objects: read, list, write, delete; neither buckets nor their policies.
if found=$(gcloud iam roles describe nevusObjectKeeper --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusObjectKeeper --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusObjectKeeper --project=my-project '--title=Nevus: keep objects: read, list, write, delete; neither buckets nor their policies' --permissions=storage.objects.create,storage.objects.delete,storage.objects.get,storage.objects.list --stage=GA
else
  gcloud iam roles create nevusObjectKeeper --project=my-project '--title=Nevus: keep objects: read, list, write, delete; neither buckets nor their policies' --permissions=storage.objects.create,storage.objects.delete,storage.objects.get,storage.objects.list --stage=GA
fi

# role nevusVersionWriter: Custom role: create objects, never replace one.
if found=$(gcloud iam roles describe nevusVersionWriter --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusVersionWriter --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusVersionWriter --project=my-project '--title=Nevus: create objects, never replace one' --permissions=storage.objects.create --stage=GA
else
  gcloud iam roles create nevusVersionWriter --project=my-project '--title=Nevus: create objects, never replace one' --permissions=storage.objects.create --stage=GA
fi

# role nevusChannelMover: Custom role: replace objects.
if found=$(gcloud iam roles describe nevusChannelMover --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusChannelMover --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusChannelMover --project=my-project '--title=Nevus: replace objects' --permissions=storage.objects.create,storage.objects.delete --stage=GA
else
  gcloud iam roles create nevusChannelMover --project=my-project '--title=Nevus: replace objects' --permissions=storage.objects.create,storage.objects.delete --stage=GA
fi

# role nevusRecordKeeper: Custom role: keep documents of a database.
if found=$(gcloud iam roles describe nevusRecordKeeper --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusRecordKeeper --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusRecordKeeper --project=my-project '--title=Nevus: keep documents of a database' --permissions=datastore.entities.create,datastore.entities.delete,datastore.entities.get,datastore.entities.list,datastore.entities.update --stage=GA
else
  gcloud iam roles create nevusRecordKeeper --project=my-project '--title=Nevus: keep documents of a database' --permissions=datastore.entities.create,datastore.entities.delete,datastore.entities.get,datastore.entities.list,datastore.entities.update --stage=GA
fi

# role nevusRunWriter: Custom role: read documents, change and end training runs.
if found=$(gcloud iam roles describe nevusRunWriter --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusRunWriter --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusRunWriter --project=my-project '--title=Nevus: read documents, change and end training runs' --permissions=datastore.entities.delete,datastore.entities.get,datastore.entities.list,datastore.entities.update --stage=GA
else
  gcloud iam roles create nevusRunWriter --project=my-project '--title=Nevus: read documents, change and end training runs' --permissions=datastore.entities.delete,datastore.entities.get,datastore.entities.list,datastore.entities.update --stage=GA
fi

# role nevusCaller: Custom role: call a service.
if found=$(gcloud iam roles describe nevusCaller --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusCaller --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusCaller --project=my-project '--title=Nevus: call a service' --permissions=run.routes.invoke --stage=GA
else
  gcloud iam roles create nevusCaller --project=my-project '--title=Nevus: call a service' --permissions=run.routes.invoke --stage=GA
fi

# role nevusJobStarter: Custom role: start a job, follow and cancel its executions.
if found=$(gcloud iam roles describe nevusJobStarter --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusJobStarter --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusJobStarter --project=my-project '--title=Nevus: start a job, follow and cancel its executions' --permissions=run.executions.cancel,run.executions.get,run.executions.list,run.jobs.run,run.jobs.runWithOverrides --stage=GA
else
  gcloud iam roles create nevusJobStarter --project=my-project '--title=Nevus: start a job, follow and cancel its executions' --permissions=run.executions.cancel,run.executions.get,run.executions.list,run.jobs.run,run.jobs.runWithOverrides --stage=GA
fi

# role nevusSigner: Custom role: sign in an account's name.
if found=$(gcloud iam roles describe nevusSigner --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusSigner --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusSigner --project=my-project '--title=Nevus: sign in an account'"'"'s name' --permissions=iam.serviceAccounts.signBlob --stage=GA
else
  gcloud iam roles create nevusSigner --project=my-project '--title=Nevus: sign in an account'"'"'s name' --permissions=iam.serviceAccounts.signBlob --stage=GA
fi

# role nevusImpersonator: Custom role: act in an account's name for an hour.
if found=$(gcloud iam roles describe nevusImpersonator --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusImpersonator --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusImpersonator --project=my-project '--title=Nevus: act in an account'"'"'s name for an hour' --permissions=iam.serviceAccounts.getAccessToken --stage=GA
else
  gcloud iam roles create nevusImpersonator --project=my-project '--title=Nevus: act in an account'"'"'s name for an hour' --permissions=iam.serviceAccounts.getAccessToken --stage=GA
fi

# role nevusSecretReader: Custom role: read a secret's value.
if found=$(gcloud iam roles describe nevusSecretReader --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusSecretReader --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusSecretReader --project=my-project '--title=Nevus: read a secret'"'"'s value' --permissions=secretmanager.versions.access --stage=GA
else
  gcloud iam roles create nevusSecretReader --project=my-project '--title=Nevus: read a secret'"'"'s value' --permissions=secretmanager.versions.access --stage=GA
fi

# role nevusReleaser: Custom role: replace a service that is there, and move its traffic.
if found=$(gcloud iam roles describe nevusReleaser --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusReleaser --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusReleaser --project=my-project '--title=Nevus: replace a service that is there, and move its traffic' --permissions=run.revisions.get,run.services.get,run.services.update --stage=GA
else
  gcloud iam roles create nevusReleaser --project=my-project '--title=Nevus: replace a service that is there, and move its traffic' --permissions=run.revisions.get,run.services.get,run.services.update --stage=GA
fi

# role nevusJobReleaser: Custom role: replace a job that is there.
if found=$(gcloud iam roles describe nevusJobReleaser --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusJobReleaser --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusJobReleaser --project=my-project '--title=Nevus: replace a job that is there' --permissions=run.jobs.get,run.jobs.update --stage=GA
else
  gcloud iam roles create nevusJobReleaser --project=my-project '--title=Nevus: replace a job that is there' --permissions=run.jobs.get,run.jobs.update --stage=GA
fi

# role nevusAppointer: Custom role: let a service or job run as an account.
if found=$(gcloud iam roles describe nevusAppointer --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusAppointer --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusAppointer --project=my-project '--title=Nevus: let a service or job run as an account' --permissions=iam.serviceAccounts.actAs --stage=GA
else
  gcloud iam roles create nevusAppointer --project=my-project '--title=Nevus: let a service or job run as an account' --permissions=iam.serviceAccounts.actAs --stage=GA
fi

# role nevusPusher: Custom role: push and pull images.
if found=$(gcloud iam roles describe nevusPusher --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusPusher --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusPusher --project=my-project '--title=Nevus: push and pull images' --permissions=artifactregistry.repositories.downloadArtifacts,artifactregistry.repositories.uploadArtifacts,artifactregistry.tags.create --stage=GA
else
  gcloud iam roles create nevusPusher --project=my-project '--title=Nevus: push and pull images' --permissions=artifactregistry.repositories.downloadArtifacts,artifactregistry.repositories.uploadArtifacts,artifactregistry.tags.create --stage=GA
fi

# role nevusBuilder: Custom role: scan images, write the log of a build.
if found=$(gcloud iam roles describe nevusBuilder --project=my-project '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud iam roles undelete nevusBuilder --project=my-project || true  # fine if it says: .
  gcloud iam roles update nevusBuilder --project=my-project '--title=Nevus: scan images, write the log of a build' --permissions=logging.logEntries.create,ondemandscanning.operations.get,ondemandscanning.scans.analyzePackages,ondemandscanning.scans.listVulnerabilities --stage=GA
else
  gcloud iam roles create nevusBuilder --project=my-project '--title=Nevus: scan images, write the log of a build' --permissions=logging.logEntries.create,ondemandscanning.operations.get,ondemandscanning.scans.analyzePackages,ondemandscanning.scans.listVulnerabilities --stage=GA
fi

# service inference: Service inference, until the first release with a sample image.
if found=$(gcloud run services describe nevus-inference --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud run deploy nevus-inference --region=europe-west4 --image=us-docker.pkg.dev/cloudrun/container/hello --service-account=nevus-inference@my-project.iam.gserviceaccount.com --ingress=internal --no-allow-unauthenticated --max-instances=1
fi

# service gateway: Service gateway, until the first release with a sample image.
if found=$(gcloud run services describe nevus-gateway --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud run deploy nevus-gateway --region=europe-west4 --image=us-docker.pkg.dev/cloudrun/container/hello --service-account=nevus-gateway@my-project.iam.gserviceaccount.com --ingress=all --no-allow-unauthenticated --max-instances=1
fi

# service reconciler: Service reconciler, until the first release with a sample image.
if found=$(gcloud run services describe nevus-reconciler --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud run services update nevus-reconciler --region=europe-west4 --no-invoker-iam-check
else
  gcloud run deploy nevus-reconciler --region=europe-west4 --image=us-docker.pkg.dev/cloudrun/container/hello --service-account=nevus-gateway@my-project.iam.gserviceaccount.com --ingress=internal --no-allow-unauthenticated --max-instances=1 --no-invoker-iam-check
fi

# job training: Job training, until the first release with a sample image.
if found=$(gcloud run jobs describe nevus-training --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud run jobs create nevus-training --region=europe-west4 --image=us-docker.pkg.dev/cloudrun/container/job --service-account=nevus-training@my-project.iam.gserviceaccount.com
fi

# job score: Job score, until the first release with a sample image.
if found=$(gcloud run jobs describe nevus-score --region=europe-west4 '--format=value(metadata.name)' 2>/dev/null) && [ -n "$found" ]; then
  : # it is there
else
  gcloud run jobs create nevus-score --region=europe-west4 --image=us-docker.pkg.dev/cloudrun/container/job --service-account=nevus-training@my-project.iam.gserviceaccount.com
fi

# iap agent: The account in whose name IAP calls the gateway.
gcloud beta services identity create --service=iap.googleapis.com

# iap admin: Whoever deploys passes IAP; others are let in likewise.
gcloud beta iap web add-iam-policy-binding --resource-type=cloud-run --service=nevus-gateway --region=europe-west4 "--member=user:${ADMIN}" --role=roles/iap.httpsResourceAccessor --condition=None

# grant gateway nevusObjectKeeper bucket:photos: Gateway on bucket:photos: needed by gateway.predict:store_and_measure.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-photos --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectKeeper --condition=None

# grant gateway nevusSigner account:gateway: Gateway on account:gateway: needed by nevus.adapters.gcs:GcsPhotos._new_signer.
gcloud iam service-accounts add-iam-policy-binding nevus-gateway@my-project.iam.gserviceaccount.com --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSigner --condition=None

# grant gateway nevusObjectReader bucket:models: Gateway on bucket:models: needed by gateway.channels:channels_of.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None

# grant gateway nevusImpersonator account:promoter: Gateway on account:promoter: needed by nevus.adapters.gcs_cloud:Cloud._connect.
gcloud iam service-accounts add-iam-policy-binding nevus-promoter@my-project.iam.gserviceaccount.com --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusImpersonator --condition=None

# grant gateway nevusRecordKeeper project: Gateway on project: needed by gateway.predict:keep.
gcloud projects add-iam-policy-binding my-project --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusRecordKeeper '--condition=^;^title=nevusRecordKeeper;expression=resource.type == "firestore.googleapis.com/Database" && resource.name == "projects/my-project/databases/nevus"'

# grant gateway nevusCaller service:inference: Gateway on service:inference: needed by gateway.predict:measured.
gcloud run services add-iam-policy-binding nevus-inference --region=europe-west4 --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusCaller --condition=None

# grant gateway nevusJobStarter job:training: Gateway on job:training: needed by gateway.retrain:start.
gcloud run jobs add-iam-policy-binding nevus-training --region=europe-west4 --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusJobStarter

# grant gateway nevusSecretReader secret:admins: Gateway on secret:admins: needed by deploy/cloud/gateway.yaml:ADMIN_EMAILS.
gcloud secrets add-iam-policy-binding nevus-admins --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None

# grant gateway nevusSecretReader secret:public-keys: Gateway on secret:public-keys: needed by deploy/cloud/gateway.yaml:MODEL_PUBLIC_KEYS.
gcloud secrets add-iam-policy-binding nevus-public-keys --member=serviceAccount:nevus-gateway@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None

# grant inference nevusObjectReader bucket:models: Inference on bucket:models: needed by inference.refresh:Follower.load.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-inference@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None

# grant inference nevusSecretReader secret:public-keys: Inference on secret:public-keys: needed by deploy/cloud/inference.yaml:MODEL_PUBLIC_KEYS.
gcloud secrets add-iam-policy-binding nevus-public-keys --member=serviceAccount:nevus-inference@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None

# grant training nevusObjectReader bucket:models: Training on bucket:models: needed by training_job.retrain:champion.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None

# grant training nevusVersionWriter bucket:models: Training on bucket:models: needed by training_job.retrain:Retraining._publish.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusVersionWriter '--condition=^;^title=nevusVersionWriter;expression=resource.name.extract("/my-project-nevus-models/objects/{name}/versions/") != "" && !resource.name.startsWith("projects/_/buckets/my-project-nevus-models/objects/channels/") || resource.name.startsWith("projects/_/buckets/my-project-nevus-models/objects/verdicts/")'

# grant training nevusChannelMover bucket:models: Training on bucket:models: needed by training_job.release:challenge.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusChannelMover '--condition=^;^title=nevusChannelMover;expression=resource.name == "projects/_/buckets/my-project-nevus-models/objects/channels/challenger.json"'

# grant training nevusObjectReader bucket:photos: Training on bucket:photos: needed by training_job.corrections:_row.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-photos --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader '--condition=^;^title=nevusObjectReader;expression=!resource.name.startsWith("projects/_/buckets/my-project-nevus-photos/objects/quarantine/")'

# grant training nevusObjectKeeper bucket:training: Training on bucket:training: needed by training_job.checkpoints:Checkpoints._put.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-training --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectKeeper --condition=None

# grant training nevusRunWriter project: Training on project: needed by training_job.corrections:gather.
gcloud projects add-iam-policy-binding my-project --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusRunWriter '--condition=^;^title=nevusRunWriter;expression=resource.type == "firestore.googleapis.com/Database" && resource.name == "projects/my-project/databases/nevus"'

# grant training nevusSecretReader secret:public-keys: Training on secret:public-keys: needed by deploy/cloud/training.yaml:MODEL_PUBLIC_KEYS.
gcloud secrets add-iam-policy-binding nevus-public-keys --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None

# grant training nevusSecretReader secret:signing-key: Training on secret:signing-key: needed by deploy/cloud/training.yaml:MODEL_SIGNING_KEY.
gcloud secrets add-iam-policy-binding nevus-signing-key --member=serviceAccount:nevus-training@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusSecretReader --condition=None

# grant promoter nevusChannelMover bucket:models: Promoter on bucket:models: needed by gateway.channels:move.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-promoter@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusChannelMover '--condition=^;^title=nevusChannelMover;expression=resource.name == "projects/_/buckets/my-project-nevus-models/objects/channels/champion.json" || resource.name == "projects/_/buckets/my-project-nevus-models/objects/channels/challenger.json" || resource.name == "projects/_/buckets/my-project-nevus-models/objects/channels/canary.json"'

# grant promoter nevusObjectReader bucket:models: Promoter on bucket:models: needed by nevus.registry:Registry.point.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-models --member=serviceAccount:nevus-promoter@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None

# grant build nevusObjectReader bucket:build: Build on bucket:build: needed by deploy/cloud/build.py:submission.
gcloud storage buckets add-iam-policy-binding gs://my-project-nevus-build --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusObjectReader --condition=None

# grant build nevusBuilder project: Build on project: needed by deploy/cloudbuild.yaml:scan.
gcloud projects add-iam-policy-binding my-project --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusBuilder --condition=None

# grant build nevusPusher repository:nevus: Build on repository:nevus: needed by deploy/cloudbuild.yaml:push.
gcloud artifacts repositories add-iam-policy-binding nevus --location=europe-west4 --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusPusher --condition=None

# grant build nevusReleaser service:gateway: Build on service:gateway: needed by deploy/cloud/release.py:_put.
gcloud run services add-iam-policy-binding nevus-gateway --region=europe-west4 --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusReleaser --condition=None

# grant build nevusReleaser service:inference: Build on service:inference: needed by deploy/cloud/release.py:_put.
gcloud run services add-iam-policy-binding nevus-inference --region=europe-west4 --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusReleaser --condition=None

# grant build nevusReleaser service:reconciler: Build on service:reconciler: needed by deploy/cloud/release.py:_put.
gcloud run services add-iam-policy-binding nevus-reconciler --region=europe-west4 --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusReleaser --condition=None

# grant build nevusJobReleaser job:training: Build on job:training: needed by deploy/cloud/release.py:_replace_job.
gcloud run jobs add-iam-policy-binding nevus-training --region=europe-west4 --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusJobReleaser

# grant build nevusJobReleaser job:score: Build on job:score: needed by deploy/cloud/release.py:_replace_job.
gcloud run jobs add-iam-policy-binding nevus-score --region=europe-west4 --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusJobReleaser

# grant build nevusAppointer account:gateway: Build on account:gateway: needed by deploy/cloud/gateway.yaml:serviceAccountName.
gcloud iam service-accounts add-iam-policy-binding nevus-gateway@my-project.iam.gserviceaccount.com --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusAppointer --condition=None

# grant build nevusAppointer account:inference: Build on account:inference: needed by deploy/cloud/inference.yaml:serviceAccountName.
gcloud iam service-accounts add-iam-policy-binding nevus-inference@my-project.iam.gserviceaccount.com --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusAppointer --condition=None

# grant build nevusAppointer account:training: Build on account:training: needed by deploy/cloud/training.yaml:serviceAccountName.
gcloud iam service-accounts add-iam-policy-binding nevus-training@my-project.iam.gserviceaccount.com --member=serviceAccount:nevus-build@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusAppointer --condition=None

# grant iap roles/run.invoker service:gateway: Iap on service:gateway: needed by gateway.auth:any_caller.
gcloud run services add-iam-policy-binding nevus-gateway --region=europe-west4 "--member=serviceAccount:service-${PROJECT_NUMBER}@gcp-sa-iap.iam.gserviceaccount.com" --role=roles/run.invoker --condition=None

# no grant scheduler nevusCaller service:gateway: Only with access public.
gcloud run services remove-iam-policy-binding nevus-gateway --region=europe-west4 --member=serviceAccount:nevus-scheduler@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/nevusCaller --condition=None || true  # fine if it says: not found

# no grant everyone roles/run.invoker service:gateway: Only with access public.
gcloud run services remove-iam-policy-binding nevus-gateway --region=europe-west4 --member=allUsers --role=roles/run.invoker --condition=None || true  # fine if it says: not found

# schedule reconcile: Every minute: finish what is pending.
if found=$(gcloud scheduler jobs describe nevus-reconcile --location=europe-west4 '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud scheduler jobs update http nevus-reconcile --location=europe-west4 '--schedule=* * * * *' "--uri=https://nevus-reconciler-${PROJECT_NUMBER}.europe-west4.run.app/internal/reconcile" --http-method=POST '--message-body={}' --oidc-service-account-email=nevus-scheduler@my-project.iam.gserviceaccount.com --oidc-token-audience=nevus-reconcile --attempt-deadline=300s --max-retry-attempts=0 --update-headers=Content-Type=application/json
else
  gcloud scheduler jobs create http nevus-reconcile --location=europe-west4 '--schedule=* * * * *' "--uri=https://nevus-reconciler-${PROJECT_NUMBER}.europe-west4.run.app/internal/reconcile" --http-method=POST '--message-body={}' --oidc-service-account-email=nevus-scheduler@my-project.iam.gserviceaccount.com --oidc-token-audience=nevus-reconcile --attempt-deadline=300s --max-retry-attempts=0 --headers=Content-Type=application/json
fi

# schedule sweep: Every night: drop photos that no record names.
if found=$(gcloud scheduler jobs describe nevus-sweep --location=europe-west4 '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud scheduler jobs update http nevus-sweep --location=europe-west4 '--schedule=17 3 * * *' "--uri=https://nevus-reconciler-${PROJECT_NUMBER}.europe-west4.run.app/internal/reconcile" --http-method=POST '--message-body={"sweep": true}' --oidc-service-account-email=nevus-scheduler@my-project.iam.gserviceaccount.com --oidc-token-audience=nevus-reconcile --attempt-deadline=300s --max-retry-attempts=0 --update-headers=Content-Type=application/json
else
  gcloud scheduler jobs create http nevus-sweep --location=europe-west4 '--schedule=17 3 * * *' "--uri=https://nevus-reconciler-${PROJECT_NUMBER}.europe-west4.run.app/internal/reconcile" --http-method=POST '--message-body={"sweep": true}' --oidc-service-account-email=nevus-scheduler@my-project.iam.gserviceaccount.com --oidc-token-audience=nevus-reconcile --attempt-deadline=300s --max-retry-attempts=0 --headers=Content-Type=application/json
fi

# metric nevus-drift: Metric: Hours in which photos or answers were found to have drifted from what the model was made on.
if found=$(gcloud logging metrics describe nevus-drift '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics update nevus-drift --config-from-file=deploy/monitoring/metric-drift.json
else
  gcloud logging metrics create nevus-drift --config-from-file=deploy/monitoring/metric-drift.json
fi

# metric nevus-errors: Metric: Faults that nobody foresaw, told by the gateway.
if found=$(gcloud logging metrics describe nevus-errors '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics update nevus-errors --config-from-file=deploy/monitoring/metric-errors.json
else
  gcloud logging metrics create nevus-errors --config-from-file=deploy/monitoring/metric-errors.json
fi

# metric nevus-model-refused: Metric: A model version that inference would not serve.
if found=$(gcloud logging metrics describe nevus-model-refused '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics update nevus-model-refused --config-from-file=deploy/monitoring/metric-model-refused.json
else
  gcloud logging metrics create nevus-model-refused --config-from-file=deploy/monitoring/metric-model-refused.json
fi

# metric nevus-not-assessed: Metric: Photos that were taken and not assessed at once: inference was down, full or late.
if found=$(gcloud logging metrics describe nevus-not-assessed '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics update nevus-not-assessed --config-from-file=deploy/monitoring/metric-not-assessed.json
else
  gcloud logging metrics create nevus-not-assessed --config-from-file=deploy/monitoring/metric-not-assessed.json
fi

# metric nevus-reconcile-failed: Metric: Calls of Cloud Scheduler that were not answered with success.
if found=$(gcloud logging metrics describe nevus-reconcile-failed '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud logging metrics update nevus-reconcile-failed --config-from-file=deploy/monitoring/metric-reconcile-failed.json
else
  gcloud logging metrics create nevus-reconcile-failed --config-from-file=deploy/monitoring/metric-reconcile-failed.json
fi

# alert at-the-limit: Alert: Nevus: a service runs at its greatest number of instances.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: a service runs at its greatest number of instances"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-at-the-limit.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-at-the-limit.json
fi

# alert drift: Alert: Nevus: photos have drifted.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: photos have drifted"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-drift.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-drift.json
fi

# alert errors: Alert: Nevus: faults in the log.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: faults in the log"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-errors.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-errors.json
fi

# alert gateway-5xx: Alert: Nevus: the gateway answers with errors.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: the gateway answers with errors"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-gateway-5xx.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-gateway-5xx.json
fi

# alert gateway-slow: Alert: Nevus: answers take long.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: answers take long"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-gateway-slow.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-gateway-slow.json
fi

# alert inference-5xx: Alert: Nevus: inference refuses or fails.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: inference refuses or fails"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-inference-5xx.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-inference-5xx.json
fi

# alert job-failed: Alert: Nevus: a job failed.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: a job failed"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-job-failed.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-job-failed.json
fi

# alert model-refused: Alert: Nevus: a model version is refused.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: a model version is refused"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-model-refused.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-model-refused.json
fi

# alert pending: Alert: Nevus: photos wait to be assessed.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: photos wait to be assessed"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-pending.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-pending.json
fi

# alert reconcile: Alert: Nevus: nobody finishes pending photos.
if found=$(gcloud alpha monitoring policies list '--filter=displayName="Nevus: nobody finishes pending photos"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud alpha monitoring policies update "${found}" --policy-from-file=deploy/monitoring/alert-reconcile.json
else
  gcloud alpha monitoring policies create --policy-from-file=deploy/monitoring/alert-reconcile.json
fi

# dashboard dashboard: Dashboard: Nevus.
if found=$(gcloud monitoring dashboards list '--filter=displayName="Nevus"' '--format=value(name)' 2>/dev/null) && [ -n "$found" ]; then
  gcloud monitoring dashboards delete "${found}"
  gcloud monitoring dashboards create --config-from-file=deploy/monitoring/dashboard.json
else
  gcloud monitoring dashboards create --config-from-file=deploy/monitoring/dashboard.json
fi

# Test, build, scan, push, release.
gcloud builds submit . --config=deploy/cloudbuild.yaml --project=my-project --region=europe-west4 --gcs-source-staging-dir=gs://my-project-nevus-build/source --substitutions=_REGION=europe-west4,_ACCESS=iap
