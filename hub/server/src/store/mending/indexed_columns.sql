SELECT info.name
FROM pragma_index_list(?1) AS list
JOIN pragma_index_info(list.name) AS info
