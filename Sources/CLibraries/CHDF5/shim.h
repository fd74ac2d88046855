// HDF5's constants are macros over run-time values, which Swift cannot import: each becomes a function.
#pragma once
#include <hdf5.h>

static inline hid_t troupe_h5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t troupe_h5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t troupe_h5_native_int32(void) { return H5T_NATIVE_INT32; }
static inline hid_t troupe_h5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t troupe_h5_native_uint8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t troupe_h5_little_float(void) { return H5T_IEEE_F32LE; }
static inline hid_t troupe_h5_little_int32(void) { return H5T_STD_I32LE; }
static inline hid_t troupe_h5_little_int64(void) { return H5T_STD_I64LE; }
static inline hid_t troupe_h5_little_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t troupe_h5_c_string(void) { return H5T_C_S1; }
static inline hid_t troupe_h5_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t troupe_h5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t troupe_h5_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t troupe_h5_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t troupe_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t troupe_h5_all(void) { return H5S_ALL; }
static inline unsigned troupe_h5_exclusive(void) { return H5F_ACC_EXCL; }
static inline unsigned troupe_h5_truncate(void) { return H5F_ACC_TRUNC; }
static inline unsigned troupe_h5_read_only(void) { return H5F_ACC_RDONLY; }
// HDF5 prints a stack trace for every error unless told not to; Troupe says its own line instead.
static inline void troupe_h5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
