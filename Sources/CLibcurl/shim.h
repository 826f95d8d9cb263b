#pragma once
#include <curl/curl.h>
#include <stdio.h>

// curl_easy_setopt and curl_easy_getinfo take variable arguments, which Swift cannot call.
static inline CURLcode tributary_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode tributary_curl_set_number(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode tributary_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(handle, option, value);
}

// The default read callback of an upload is fread.
static inline CURLcode tributary_curl_set_file(CURL *handle, FILE *value) {
    return curl_easy_setopt(handle, CURLOPT_READDATA, value);
}

static inline long tributary_curl_response_code(CURL *handle) {
    long code = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
    return code;
}
